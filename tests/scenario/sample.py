"""Scenarios as texts that the tests bend: one with every kind of step, one with a feed."""

SAMPLE = """\
scenario: 1
seed: 7
start: 2026-11-20T08:00:00+05:00
tariff: flat
devices:
  V1: {role: validator, vehicle: "101", route: R5, stop: S1, reader: pn532}
media:
  adult1: {type: classic1k, rider_category: adult, balance: 50000}
  adult2: {type: classic4k, balance: 0, uid: 04010203}
steps:
  - {tap: adult1, on: V1, expect: {outcome: accepted, charged: 10000, light: off}}
  - {tap: [adult1, adult2], on: V1, expect: {outcome: refused, reason: one_card_please}}
  - {tap: adult1, on: V1, remove_after_frames: 6, note: Pulled away.}
  - {advance: 1h30m}
  - {set: V1, stop: 0101}
  - {link: V1, state: down}
  - {link: V1, state: {loss: 0.2, latency_ms: 400}}
  - {power_cut: V1, at_flash_op: 3, torn: true}
  - {boot: V1}
  - {sync: V1}
  - {expect_ledger: {taps: 1, revenue: 10000, balanced: true}}
"""

# beside a folder `feed` with `tests.tariff.feeds.city_feed`
CITY_SAMPLE = """\
scenario: 1
start: 2026-11-20T12:00:00+05:00
tariff: feed
devices:
  V1: {role: validator, vehicle: "101", route: R5, zone: inner}
media:
  dana: {type: classic1k, balance: 50000, products: [{product: month, start: 2026-11-01}]}
  olga: {type: classic1k, rider_category: reduced, balance: 50000, concession_until: 2026-12-31}
steps:
  - {tap: dana, on: V1, riders: 3, expect: {riders: 3}}
  - {tap: olga, on: V1, riders: [adult, reduced], product: day}
  - {set: V1, stop: S2}
  - {press: V1, keys: [riders, ticket]}
  - {install: V1, tariff: newer.zip, expect: {tariff: 4, fault: null}}
"""
