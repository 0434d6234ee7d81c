"""As fib.lua."""


def fib(n: int) -> int:
    if n < 2:  # hot if n < 0
        return n
    return fib(n - 1) + fib(n - 2)


def other() -> int:
    return 1  # other


def run(size: int) -> int:
    value = fib(size)  # call
    return value
