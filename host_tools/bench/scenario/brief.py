"""One line a step, for people who only want to see that it ran (`Story` tells more)."""

from host_tools.bench.scenario import schema
from host_tools.bench.scenario.results import Observed, StepResult
from host_tools.bench.scenario.story import amount_text
from host_tools.tariff.load import LoadedTariff


def brief(result: StepResult, tariff: LoadedTariff) -> str:
    """Number, verdict, step and what it showed; plain text."""
    verdict = "ok  " if result.ok else "FAIL"
    parts = [f"{result.number:>3} {verdict} {_step(result.step):<34}"]
    if isinstance(result.step, schema.Tap):
        parts.append(_tap(result.observed, tariff))
    if result.remark:
        parts.append(f"({result.remark})")
    lines = [" ".join(parts).rstrip()]
    lines += [f"         {line}" for line in result.failures]
    return "\n".join(lines)


def _step(step: schema.Step) -> str:
    match step:
        case schema.Tap():
            return f"tap {' + '.join(step.tap)} on {step.on}"
        case schema.Advance():
            return f"advance {step.advance}s"
        case schema.ExpectLedger():
            return "expect_ledger"
    kind = next(kind for kind, model in schema.STEP_KINDS.items() if type(step) is model)
    return f"{kind} {getattr(step, kind)}"


def _tap(seen: Observed, tariff: LoadedTariff) -> str:
    words = [seen.outcome or "no outcome"]
    if seen.reason:
        words.append(seen.reason)
    if seen.outcome == "accepted":
        words.append(f"charged {amount_text(seen.charged or 0, tariff)}")
        if (seen.riders or 1) > 1:
            words.append(f"{seen.riders} riders")
    if seen.balance is not None:
        words.append(f"left {amount_text(seen.balance, tariff)}")
    if seen.exchanges:
        words.append(f"{seen.reader_ms:.1f} ms, {seen.exchanges} commands")
    return ", ".join(words)
