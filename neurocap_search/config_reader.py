"""From a YAML file and dotted overrides to a checked configuration, with errors a user can mend."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from neurocap_search.config import SearchConfig
from neurocap_search.errors import UserError, did_you_mean

Config = TypeVar("Config", bound=BaseModel)

_COMMANDS = {
    "candidate": "neurocap compare FILE",
    "live": "neurocap compare FILE",
    "replay": "neurocap compare FILE",
    "population": "neurocap record FILE",
    "search": "neurocap search FILE",
    "scheduler": "neurocap search FILE",
}
"""Sections that tell what a configuration is for."""


def read_config(path: Path, overrides: Sequence[str] = ()) -> SearchConfig:
    """Read a search configuration; see :func:`read_as`.

    Example:
        >>> read_config(Path("configs/digits.yaml"), ["seed=7"]).seed
        7
    """
    return read_as(SearchConfig, path, overrides)


def read_as(kind: type[Config], path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read a configuration of some kind.

    Args:
        kind: The model that checks it.
        path: A YAML file.
        overrides: Such as ``search.num_trials=50``; the value is YAML, a mapping replaces a section.

    Raises:
        UserError: For a missing or unreadable file, unknown keys, wrong types and values out of
            range; names the key path, the value received and how to fix it.
    """
    values = _load(path)
    for override in overrides:
        _apply(values, override)
    return checked(kind, values, str(path))


def checked(kind: type[Config], values: Mapping[str, Any], source: str) -> Config:
    """Return values as a configuration.

    Args:
        kind: The model that checks it.
        values: As read from YAML or from the command line.
        source: Where they come from, for the message.

    Raises:
        UserError: See :func:`read_as`.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        if command := _command_for(values, kind):
            raise UserError(f"{source} is a configuration for another command: {command}") from None
        lines = [_explain(details, kind) for details in error.errors()]
        raise UserError("\n".join([f"{source} cannot be used:", *lines])) from None


def _command_for(values: Mapping[str, Any], kind: type[BaseModel]) -> str | None:
    """Return the command that a configuration was written for, by a section only that one has."""
    for section, command in _COMMANDS.items():
        if section in values and section not in kind.model_fields:
            return command
    return None


def dump_config(config: BaseModel) -> str:
    """Return the whole configuration, defaults included, as YAML that :func:`read_config` takes."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        beside = did_you_mean(path, (str(file) for file in path.parent.glob("*.y*ml")))
        raise UserError(f"No configuration file at {path}.{beside or ' Give the path of a YAML file.'}")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not readable as YAML: {error}") from None
    if not isinstance(values, dict):
        kind = type(values).__name__
        raise UserError(f"{path} must hold sections such as 'space:' and 'training:', received a {kind}.")
    return values


def _apply(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise UserError(f"An override reads key.path=value, received {override!r}.")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UserError(f"The value of {key} is not readable as YAML, received {text!r}.") from None
    *parents, last = key.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise UserError(f"{key} cannot be set: {parent!r} is a single value, received {override!r}.")
    values[last] = value


def _explain(details: ErrorDetails, kind: type[BaseModel]) -> str:
    """Return one line: key path, what is wrong, what was received and how to fix it."""
    path, model = _walk(details["loc"], kind)
    key = ".".join(path)
    error, received = details["type"], details["input"]
    if error == "extra_forbidden":
        return f"  {key}: unknown key, received {received!r}.{_nearest_key(path, model)}"
    if error == "missing":
        return f"  {key}: is missing. Add it to the file or as {key}=VALUE."
    if error == "union_tag_invalid":
        names = details["ctx"]["expected_tags"].replace("'", "")
        tag = details["ctx"]["tag"]
        return (
            f"  {key}.name: unknown, received {tag!r}.{did_you_mean(tag, names.split(', '))} Known: {names}."
        )
    message = details["msg"].removeprefix("Value error, ").replace("valid tuple", "list")
    if isinstance(received, dict):  # a rule over several keys, whose message names the values itself
        return f"  {key}: {message}." if key else f"  {message}."
    guess = did_you_mean(received, _literals(model, path)) if error == "literal_error" else ""
    return f"  {key}: {message}, received {received!r}.{guess}"


def _walk(location: Sequence[int | str], kind: type[BaseModel]) -> tuple[list[str], type[BaseModel] | None]:
    """Return the key path without union tags, and the model that holds its last key."""
    path: list[str] = []
    model: type[BaseModel] | None = kind
    holder: type[BaseModel] | None = kind
    members: dict[str, type[BaseModel]] = {}
    for step in location:
        if step in members:  # pydantic names the member of the union; the file does not
            model, members = members[str(step)], {}
            continue
        path.append(str(step))
        holder = model
        field = model.model_fields.get(str(step)) if model else None
        models = _models(field.annotation) if field else []
        model = models[0] if len(models) == 1 else None
        members = (
            {get_args(m.model_fields["name"].annotation)[0]: m for m in models} if len(models) > 1 else {}
        )
    return path, holder


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _nearest_key(path: list[str], model: type[BaseModel] | None) -> str:
    if model is None:
        return " Remove it."
    *parents, last = path
    near = did_you_mean(last, model.model_fields, prefix="".join(f"{parent}." for parent in parents))
    return near or f" Known keys: {', '.join(model.model_fields)}."


def _literals(model: type[BaseModel] | None, path: list[str]) -> list[str]:
    field = model.model_fields.get(path[-1]) if model else None
    return [str(value) for value in get_args(field.annotation)] if field else []


def flat_keys(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values as one flat dict with dotted keys.

    Example:
        >>> flat_keys({"a": {"b": 1}, "c": 2})
        {'a.b': 1, 'c': 2}
    """
    flat: dict[str, Any] = {}
    for key, value in config.items():
        nested = isinstance(value, Mapping) and value
        flat |= flat_keys(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return flat
