"""As sort.lua."""


def less(a: int, b: int) -> bool:
    return a < b  # hot if a < 0


def quicksort(values: list[int], first: int, last: int) -> None:
    while first < last:
        pivot = values[(first + last) // 2]
        low, high = first, last
        while low <= high:
            while less(values[low], pivot):
                low = low + 1
            while less(pivot, values[high]):
                high = high - 1
            if low <= high:
                values[low], values[high] = values[high], values[low]
                low, high = low + 1, high - 1
        quicksort(values, first, high)
        first = low


def other() -> int:
    return 1  # other


def run(size: int) -> int:
    values, seed = [0], 42
    for _ in range(size):
        seed = (seed * 16807) % 2147483647
        values.append(seed)
    quicksort(values, 1, size)
    return values[1]
