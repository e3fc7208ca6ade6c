"""What goes onto a board, by role: the modules to compile, as dotted names in import order.

Packages above them come along, and so do the texts (lang/) and the font (assets/) that
host_tools/device/build.py adds.
"""

_PROTOCOL = (
    "protocol.compat", "protocol.errors", "protocol.fields", "protocol.outcomes", "protocol.clock",
    "protocol.nfc.pn532", "protocol.cards.classic", "protocol.cards.purse",
    "protocol.cards.state", "protocol.cards.classic_session", "protocol.fares.tariff",
    "protocol.fares.matching", "protocol.fares.products", "protocol.fares.journey",
    "protocol.fares.capping", "protocol.fares.engine", "protocol.journal.records",
    "protocol.journal.chain", "protocol.journal.ring", "protocol.keys.an10922",
    "protocol.keys.cmac", "protocol.keys.ccm", "protocol.keys.vault", "protocol.keys.keyset",
    "protocol.tickets.cbor", "protocol.tickets.cose", "protocol.tickets.p256",
    "protocol.lists.signed", "protocol.sync.framing", "protocol.sync.messages",
    "protocol.sync.delta", "protocol.sync.session", "protocol.tap",
)
_DRIVERS = (
    "firmware.drivers.light", "firmware.drivers.sound", "firmware.drivers.display_ssd1306",
    "firmware.drivers.clock_ds3231", "firmware.drivers.buttons", "firmware.drivers.reader_pn532",
)
_SERVICES = (
    "firmware.services.clock", "firmware.services.wording",
    "firmware.services.pass_words", "firmware.services.indicator", "firmware.services.health",
    "firmware.services.tariff_store", "firmware.services.journal_store",
    "firmware.services.state", "firmware.services.tap", "firmware.services.uplink",
    "firmware.services.service_view", "firmware.services.choice",
    "firmware.services.place_menu", "firmware.services.keys",
)

MODULES = {
    "validator": _PROTOCOL + ("firmware.config", "firmware.wake", "firmware.boards.wrover",
    "firmware.boards.bench") + _DRIVERS + _SERVICES + ("firmware.apps.validator",),
}
