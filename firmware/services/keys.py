"""The keys beside the service button: each press goes to the choice or to the driver's menu.

Nothing is decided here but who gets it: the menu while it is open, else the choice; nobody while a
tap is under way or the device can't serve. What is on show then replaces the ready screen; a menu
that an outcome covers takes no press that its reader could not see.
"""

import asyncio

from firmware.services.choice import DRIVER


class DoorKeys:
    """`tap` is the TapService, `choice` a ChoiceKeys, `menu` a PlaceMenu."""

    def __init__(self, tap, choice, menu):
        self._tap = tap
        self._choice = choice
        self._menu = menu

    def action(self, key):
        """The function to call when `key` (a number of services/choice.py) is pressed."""
        return lambda: self._press(key)

    def _press(self, key):
        if not self._tap.answers_keys():
            return
        if key == DRIVER or self._menu.left_ms():
            if not self._menu.left_ms() or self._tap.shows_page():
                self._menu.press(key)  # else the press only brings the menu back to the display
        else:
            self._choice.press(key)
        asyncio.create_task(self._show())

    async def _show(self):
        if self._tap.answers_keys():
            await self._tap.show_home()

    def page(self):
        """What is to be shown instead of the ready screen: the menu, the choice, or None.

        What has run out is dropped, so a tap asks before it begins.
        """
        page = self._choice if self._choice.left_ms() else None
        return self._menu if self._menu.left_ms() else page

    def again(self):
        """A tap broke off, and the same card will come again: its choice waits for it."""
        self._choice.again()

    def served(self):
        """A tap was accepted: its choice is used up."""
        self._choice.served()
