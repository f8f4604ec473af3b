"""What the groups of a mixture are called, which no program is compiled for."""


class Labels(tuple[str, ...]):
    """Names of groups, for who reads them: equal to any others, since a program is compiled for none of them."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        """Whatever the names are."""
        return isinstance(other, Labels)

    def __hash__(self) -> int:
        """As equal ones have it."""
        return 0


UNNAMED = Labels()
