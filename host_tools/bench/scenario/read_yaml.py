"""YAML as scenarios mean it: `on` is a word, `0101` is a word, and no key may stand twice.

YAML 1.1, which PyYAML speaks, reads `on:` as true and `0101` as 65. Here only true and false are
booleans, and only numbers without leading zeros, or with 0x, are numbers (the core schema of
YAML 1.2.2, §10.3.2, without octal). Times stay times.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from host_tools.errors import BadInput

BYTES_MAX = 1 << 20


class _Loader(yaml.SafeLoader):
    """A SafeLoader with its own idea of what a plain word means."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  PyYAML's own shape

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """As the base, but a tag that does not fit its value is an error with a place."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, TypeError) as error:
            kind = str(node.tag).rpartition(":")[2]
            raise yaml.MarkedYAMLError(
                problem=f"this is no {kind}", problem_mark=node.start_mark
            ) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As the base, but a key that stands twice is an error."""
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value
            if isinstance(key, str):
                if key in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f'"{key}" stands here twice', problem_mark=key_node.start_mark
                    )
                seen.add(key)
        return super().construct_mapping(node, deep)


_TIME = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ ]*(?:Z|[-+][0-9]{2}:?[0-9]{2}))?)?"
)
for _tag, _pattern, _first in (
    ("bool", r"true|True|false|False", "tTfF"),
    ("null", r"~|null|Null|", "~nN\0"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)", "-+.0123456789"),
    ("timestamp", _TIME, "0123456789"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first)
    )
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^$"), [""])


def read_yaml(path: Path) -> Any:
    """The one document in the file `path`; BadInput with file and line if it is none."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise BadInput(f"{path}: no such file") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    if len(raw) > BYTES_MAX:
        raise BadInput(f"{path}: larger than {BYTES_MAX} bytes; this is no scenario")
    try:
        return yaml.load(raw.decode("utf-8"), _Loader)
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8 text (byte {error.start})") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}: line {mark.line + 1}" if mark else str(path)
        raise BadInput(f"{where}: {error.problem or 'not YAML'}") from error
    except (yaml.YAMLError, ValueError) as error:
        first_line = str(error).splitlines()[0] if str(error) else "unreadable"
        raise BadInput(f"{path}: not YAML ({first_line})") from error
    except RecursionError as error:
        raise BadInput(f"{path}: nested too deeply") from error
