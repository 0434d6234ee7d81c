from __future__ import annotations

from llmspell_kernel.dap.steering import Steering


class Someone:
    def __init__(self, name: str) -> None:
        self.name = name
        self.told: list[str] = []

    def steers_now(self) -> None:
        self.told.append("steer")

    def steered_by(self, name: str) -> None:
        self.told.append(f"look at {name}")

    def values_changed(self) -> None:
        self.told.append("values")


def test_the_first_steers_and_the_next_takes_over() -> None:
    steering, first, second, third = Steering(), Someone("first"), Someone("second"), Someone("third")
    for each in (first, second, third):
        steering.join(each)
    assert steering.steers(first) and steering.holder == "first"
    assert not steering.leave(second), "one who looks leaves nothing behind"
    assert steering.leave(first)
    assert steering.steers(third) and third.told == ["steer"] and second.told == []
    assert steering.leave(third) and steering.holder == ""


def test_the_steering_can_be_taken_over() -> None:
    steering, first, second = Steering(), Someone("first"), Someone("second")
    steering.join(first)
    steering.join(second, steer=True)
    assert steering.steers(second) and first.told == ["look at second"]
    steering.leave(second)
    assert steering.steers(first) and first.told == ["look at second", "steer"]


def test_one_who_only_looks_never_steers() -> None:
    steering, first, second = Steering(), Someone("first"), Someone("second")
    steering.join(first, steer=False)
    assert steering.holder == ""
    steering.join(second)
    assert steering.steers(second)
    steering.leave(second)
    assert steering.holder == ""
    steering.join(first, steer=True)
    assert steering.steers(first)


def test_saying_it_again_changes_nothing() -> None:
    steering, first, second = Steering(), Someone("first"), Someone("second")
    for _ in range(2):
        steering.join(first)
        steering.join(second)
    assert steering.steers(first) and first.told == second.told == []
    assert steering.others(first) == [second]


def test_giving_it_up_hands_it_on() -> None:
    steering, first, second = Steering(), Someone("first"), Someone("second")
    steering.join(first)
    steering.join(second)
    steering.join(first, steer=False)
    assert steering.steers(second) and second.told == ["steer"]
