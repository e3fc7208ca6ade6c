"""A scenario file to a checked `Scenario`; what is wrong is one line: file, step, field, why."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from host_tools.bench.scenario import schema
from host_tools.bench.scenario.did_you_mean import did_you_mean
from host_tools.bench.scenario.read_yaml import read_yaml
from host_tools.bench.scenario.schema import STEP_KINDS, VERSION, Scenario, Step
from host_tools.bench.scenario.tariffs import load_tariffs
from host_tools.errors import BadInput

_PLAIN = {
    "missing": "is missing",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "dict_type": "must be a block of fields",
    "model_type": "must be a block of fields",
    "model_attributes_type": "must be a block of fields",
    "tuple_type": "must be a list",
    "date_from_datetime_inexact": "must be a date, as in 2026-12-31",
    "too_short": "must have at least {min_length}, not {actual_length}",
    "too_long": "must have at most {max_length}, not {actual_length}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} letters",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a number",
    "int_from_float": "must be a whole number",
    "literal_error": "is not one of the values it may have",
    "date_type": "must be a date, as in 2026-12-31",
    "datetime_type": "must be an ISO time with offset, as in 2026-11-20T08:00:00+05:00",
}


def load_scenario(path: Path) -> Scenario:
    """The scenario in the file `path`, with its tariffs; BadInput with one line if it cannot be
    run."""
    document = read_yaml(path)
    if not isinstance(document, dict):
        raise BadInput(f"{path}: a scenario is a block of fields that opens with scenario: 1")
    if "scenario" not in document:
        raise BadInput(f"{path}: scenario: is missing; write scenario: {VERSION}")
    if document["scenario"] != VERSION or isinstance(document["scenario"], bool):
        raise BadInput(
            f"{path}: scenario: version {json.dumps(document['scenario'], default=str)} is not "
            f"known; this is version {VERSION}, a number"
        )
    given = dict(document)
    given["steps"] = _read_steps(path, document.get("steps"))
    scenario = _validated(Scenario, given, str(path), ())
    _check_names(scenario, path)
    _check_files(scenario, path)
    _check_uids(scenario, path)
    scenario.attach(load_tariffs(scenario, path))
    return scenario


def _read_steps(path: Path, raw: Any) -> tuple[Step, ...]:
    if raw is None:
        raise BadInput(f"{path}: steps: is missing")
    if not isinstance(raw, list):
        raise BadInput(f"{path}: steps: must be a list")
    return tuple(_read_step(f"{path}: step {number}", step) for number, step in enumerate(raw, 1))


def _read_step(where: str, raw: Any) -> Step:
    if not isinstance(raw, dict):
        raise BadInput(f"{where}: must be a block of fields, as in {{tap: adult1, on: V1}}")
    kinds = [kind for kind in STEP_KINDS if kind in raw]
    if not kinds:
        first = str(next(iter(raw), ""))
        raise BadInput(f"{where}: {first}: no kind of step{did_you_mean(first, STEP_KINDS)}")
    if len(kinds) > 1:
        raise BadInput(f"{where}: {kinds[0]} and {kinds[1]} are two steps; write them apart")
    return _validated(STEP_KINDS[kinds[0]], raw, where, (kinds[0],))


def _validated(model: type[Any], given: dict[Any, Any], where: str, own: tuple[str, ...]) -> Any:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise BadInput(f"{where}: {_line(_telling(error.errors()), model, own)}") from error


def _telling(details: list[ErrorDetails]) -> ErrorDetails:
    """The first field's deepest complaint: of a union's branches the one that was meant."""
    first = [detail for detail in details if detail["loc"][:1] == details[0]["loc"][:1]]
    return max(first, key=lambda detail: len(_own_path(detail)))


def _own_path(detail: ErrorDetails) -> list[str | int]:
    return [part for part in detail["loc"] if part != "[key]" and not _is_branch(part)]


def _line(detail: ErrorDetails, model: type[BaseModel], own: tuple[str, ...]) -> str:
    """Field and complaint of one validation error."""
    path = _own_path(detail)
    field = ".".join(str(part) for part in path)
    if detail["type"] == "extra_forbidden":
        known = _fields_at(model, path[:-1])
        guess = did_you_mean(str(path[-1]), known, own)
        return f"{field}: unknown field{guess}"
    if detail["type"] == "value_error":
        complaint = str(detail["ctx"]["error"])
        return f"{field}: {complaint}{_guess_word(detail, complaint)}" if field else complaint
    kind = detail["type"]
    if kind in ("too_short", "too_long") and isinstance(detail["input"], str):
        kind = f"string_{kind}"
    plain = _PLAIN.get(kind)
    if plain is not None:
        plain = plain.format_map(detail.get("ctx", {}))
    else:
        plain = detail["msg"][0].lower() + detail["msg"][1:]
    return f"{field}: {plain}" if field else plain


def _is_branch(part: Any) -> bool:
    """pydantic names the branch of a union as if it were a field; people never wrote it."""
    return isinstance(part, str) and (
        part in ("str", "int", "float", "Range", "LinkQuality") or "[" in part
    )


def _guess_word(detail: ErrorDetails, complaint: str) -> str:
    """For "x is none of a, b, c": which one may have been meant."""
    before, found, known = complaint.partition(" is none of ")
    return did_you_mean(before.strip('"'), known.split(", "), only_close=True) if found else ""


def _fields_at(model: type[BaseModel], path: list[Any]) -> list[str]:
    """Names of the fields of the block at `path` inside `model`."""
    block: Any = model
    for part in path:
        found = block.model_fields.get(part) if _is_model(block) else None
        if found is None:
            continue  # the name of a device or card, or the place in a list
        block = next(iter(_models_in(found.annotation)), block)
    return list(block.model_fields)


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)


def _models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    """The models that a field's annotation mentions."""
    if _is_model(annotation):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)


def _check_names(scenario: Scenario, path: Path) -> None:
    """Every device and card that a step names must be there."""
    for number, step in enumerate(scenario.steps, 1):
        for field, name, known, what in _names_of(step, scenario):
            if name not in known:
                raise BadInput(
                    f'{path}: step {number}: {field}: no {what} is named "{name}"'
                    f"{did_you_mean(name, known)}"
                )


def _names_of(
    step: Step, scenario: Scenario
) -> Iterable[tuple[str, str, Iterable[str], str]]:
    if isinstance(step, schema.Tap):
        for name in step.tap:
            yield "tap", name, scenario.media, "card"
        yield "on", step.on, scenario.devices, "device"
        return
    for kind in schema.DEVICE_STEPS:
        if isinstance(step, STEP_KINDS[kind]):
            yield kind, getattr(step, kind), scenario.devices, "device"


def _check_files(scenario: Scenario, path: Path) -> None:
    for name, medium in scenario.media.items():
        if medium.file is None:
            continue
        dump = path.parent / medium.file
        if not _is_file(dump):
            raise BadInput(f"{path}: media.{name}.file: {dump}: no such file")
        wanted = 4096 if medium.type == "classic4k" else 1024
        if dump.stat().st_size != wanted:
            raise BadInput(
                f"{path}: media.{name}.file: {dump} has {dump.stat().st_size} bytes; "
                f"a dump of a {medium.type} card has {wanted}"
            )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a folder that may not be looked into
        return False


def _check_uids(scenario: Scenario, path: Path) -> None:
    """Two cards with one UID would be one card in the books."""
    owners: dict[str, str] = {}
    for name, medium in scenario.media.items():
        if medium.uid is not None and owners.setdefault(medium.uid, name) != name:
            raise BadInput(
                f"{path}: media.{name}.uid: {medium.uid} is the UID of {owners[medium.uid]} too"
            )
