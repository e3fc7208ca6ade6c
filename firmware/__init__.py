"""The software of validators: drivers, services and the apps that wire them together."""

VERSION = (0, 1, 0)
