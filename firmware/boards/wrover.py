"""Pins of the reference board: an ESP32-WROVER-E (16 MB flash, 8 MB PSRAM) with the door unit.

GPIO 6 to 11, 16 and 17 belong to flash and PSRAM, 0, 2, 5, 12 and 15 are strapping pins: all left
alone. Keys need the pull-ups that 34 to 39 lack. UART 0 is the console. Pins only; what is
connected to them is in docs/validator.md.
"""

READER_UART = 1
READER_TX = 27
READER_RX = 26

SYNC_UART = 2
SYNC_TX = 33
SYNC_RX = 32

I2C_BUS = 0
I2C_SCL = 22
I2C_SDA = 21
DISPLAY_ADDRESS = 0x3C
RTC_ADDRESS = 0x68

LIGHT_PIN = 4
LIGHT_COUNT = 8
BUZZER_PIN = 25

# pressed is low; the chip pulls them up
SERVICE_BUTTON_PIN = 13
RIDERS_KEY_PIN = 18
REDUCED_KEY_PIN = 19
TICKET_KEY_PIN = 23
DRIVER_KEY_PIN = 14
