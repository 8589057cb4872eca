"""A package's objects as people read them: what is public in a module, how each is called, and
the text that documents it.

Everything is taken from parsed source. What a decorator or a metaclass does to a signature or a
docstring as the package runs is unknown here, but for dataclasses and their kin. This module
knows nothing of files, links or passages.
"""

import re
from collections.abc import Iterator, Sequence

import griffe

from ingest import docstring
from ingest.modules import Modules, is_public

SPECIAL = ("__init__", "__call__")  # private by name, but called by people
FIELDS_ARE_PARAMETERS = {"NamedTuple", "TypedDict", "BaseModel"}  # bases that write an __init__
LONGEST_VALUE = 80  # characters; a longer value says more about the code than about its use
COMMENT = re.compile(r"^\s*#: ?")
STARS = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}
DATACLASS = re.compile(r"(?:^|\.)(?:dataclass|define|frozen|attrs|s)$")


def members(owner: griffe.Object) -> Iterator[griffe.Object]:
    """What is defined in a module or class, private names too, and takes a docstring of its own:
    modules' attributes only if they have one."""
    for member in owner.members.values():
        # An alias, which is a name imported from elsewhere, is no Object to griffe.
        if isinstance(member, griffe.Object) and (
            takes_docstring(member) or (owner.is_module and documentation(member))
        ):
            yield member
    if isinstance(owner, (griffe.Module, griffe.Class)):
        # A stub may hold overloads only, without the function that they are overloads of.
        for name, overloads in owner.overloads.items():
            if overloads and name not in owner.members:
                yield _overloaded(overloads)


def takes_docstring(item: griffe.Object) -> bool:
    """Whether the object is a class, function, method or property."""
    return item.is_class or item.is_function or "property" in item.labels


def _overloaded(overloads: Sequence[griffe.Function]) -> griffe.Function:
    """One function for several overloads: the first that has a docstring."""
    function = next((one for one in overloads if one.has_docstring), overloads[0])
    function.overloads = list(overloads)
    return function


def signature(item: griffe.Object, name: str, modules: Modules, documented: frozenset[str]) -> str:
    """How the object is called or written, under `name`.

    Types are left out where the docstring, whose entries are `documented`, tells them. A few
    short overloads stand on lines of their own; more would say less than the function itself.
    """
    if isinstance(item, griffe.Attribute):
        return _declared(item, name)
    if isinstance(item, griffe.Class):
        parameters = _constructor(item, modules)
        return name if parameters is None else _call(name, parameters, None, documented)
    if not isinstance(item, griffe.Function):
        return name
    calls = [
        _call(name, _without_self(one), one.returns, documented)
        for one in (*(item.overloads or ()), item)
    ]
    overloads = "\n".join(dict.fromkeys(calls[:-1]))
    return overloads if 0 < len(overloads) <= docstring.SIGNATURE else calls[-1]


def _declared(item: griffe.Attribute, name: str) -> str:
    """An attribute or property with its type and value."""
    typed = f"{name}: {item.annotation}" if item.annotation else name
    return typed if item.value is None else f"{typed} = {item.value}"


def _call(
    name: str,
    parameters: Sequence[griffe.Parameter],
    returns: str | griffe.Expr | None,
    documented: frozenset[str],
) -> str:
    typed = not any(parameter.name in documented for parameter in parameters)
    shown: list[str] = []
    kind = griffe.ParameterKind
    previous = None
    for parameter in parameters:
        if previous is kind.positional_only and parameter.kind is not kind.positional_only:
            shown.append("/")
        if parameter.kind is kind.keyword_only and previous not in (
            kind.keyword_only,
            kind.var_positional,
        ):
            shown.append("*")
        shown.append(_parameter(parameter, typed))
        previous = parameter.kind
    if previous is kind.positional_only:
        shown.append("/")
    arrow = f" -> {returns}" if returns and docstring.RETURNS not in documented else ""
    return f"{name}({', '.join(shown)}){arrow}"


def _parameter(parameter: griffe.Parameter, typed: bool) -> str:
    stars = STARS.get(parameter.kind or griffe.ParameterKind.positional_or_keyword, "")
    shown = f"{stars}{parameter.name}"
    annotated = typed and parameter.annotation is not None
    if annotated:
        shown += f": {parameter.annotation}"
    if parameter.default is None or stars:
        return shown
    return f"{shown} = {parameter.default}" if annotated else f"{shown}={parameter.default}"


def _without_self(function: griffe.Function) -> list[griffe.Parameter]:
    """The parameters that a caller gives."""
    bound = isinstance(function.parent, griffe.Class) and "staticmethod" not in function.labels
    return list(function.parameters)[1 if bound else 0 :]


def _constructor(item: griffe.Class, modules: Modules) -> list[griffe.Parameter] | None:
    """What a class is called with, its own or inherited; None when the package does not tell."""
    for one in lineage(item, modules):
        call = one.members.get("__init__")
        if isinstance(call, griffe.Function):
            overloads = call.overloads
            return _without_self(overloads[0] if overloads else call)
        if _fields_are_parameters(one):
            return list(_field_parameters(one, modules).values())
    return None


def lineage(item: griffe.Class, modules: Modules) -> list[griffe.Class]:
    """The class and those of its bases that the package defines, nearest first."""
    classes = [item]
    for one in classes:
        for base in one.bases:
            if isinstance(base, str):
                continue
            path = base.canonical_path
            found = modules.find(path) or modules.find(f"{one.module.path}.{path}")
            if isinstance(found, griffe.Class) and found not in classes:
                classes.append(found)  # the loop comes to it in turn
    return classes


def _fields_are_parameters(item: griffe.Class) -> bool:
    bases = {str(base).partition("[")[0].rpartition(".")[2] for base in item.bases}
    return bool(_dataclass(item)) or bool(bases & FIELDS_ARE_PARAMETERS)


def _dataclass(item: griffe.Class) -> str:
    """The decorator that makes a dataclass of the class, as written; empty when none does."""
    decorators = ((d.callable_path, str(d.value)) for d in item.decorators)
    return next((written for path, written in decorators if DATACLASS.search(path)), "")


def _field_parameters(item: griffe.Class, modules: Modules) -> dict[str, griffe.Parameter]:
    """The parameters of the __init__ that is made from the fields, inherited ones first."""
    kind = griffe.ParameterKind
    parameters = {}
    for one in reversed(lineage(item, modules)):
        if not _fields_are_parameters(one):
            continue
        keyword_only = "kw_only=True" in _dataclass(one)
        for field in attributes(one):
            if field.annotation is None or "instance-attribute" not in field.labels:
                continue  # a ClassVar is the class's only
            if str(field.annotation).endswith("KW_ONLY"):
                keyword_only = True
            elif "init=False" not in str(field.value):
                parameters[field.name] = griffe.Parameter(
                    field.name,
                    annotation=field.annotation,
                    kind=kind.keyword_only if keyword_only else kind.positional_or_keyword,
                    default=_field_default(field),
                )
    # Python puts those that can be given by keyword only after the others.
    return dict(sorted(parameters.items(), key=lambda p: p[1].kind is kind.keyword_only))


def _field_default(field: griffe.Attribute) -> str | griffe.Expr | None:
    """A field's default, taken out of `field(...)` where one is written."""
    value = field.value
    if not isinstance(value, griffe.ExprCall):
        return value
    if value.canonical_path.rpartition(".")[2] not in ("field", "Field", "ib"):
        return value
    given = {a.name: a.value for a in value.arguments if isinstance(a, griffe.ExprKeyword)}
    if "default" in given:
        return given["default"]
    if factory := given.get("default_factory", given.get("factory")):
        return "..." if str(factory).startswith("lambda") else f"{factory}()"
    return None


def attributes(item: griffe.Class) -> list[griffe.Attribute]:
    """The attributes that stand in the body of the class, in order; not those that its methods
    set."""
    methods = [m for m in item.members.values() if isinstance(m, griffe.Function)]
    inside = {n for m in methods for n in range(m.lineno or 0, (m.endlineno or 0) + 1)}
    return [
        member
        for member in item.members.values()
        if isinstance(member, griffe.Attribute)
        and "property" not in member.labels
        and member.lineno not in inside
    ]


def documentation(item: griffe.Object) -> str:
    """The object's docstring; a class's with the attributes that it does not describe itself.

    Empty when neither the object nor an attribute of it is documented.
    """
    text = next((one.docstring.value for one in (item, *_overloads(item)) if one.docstring), "")
    if not isinstance(item, griffe.Class):
        return text or _comment(item)
    described = docstring.documented(text)
    listed = [a for a in attributes(item) if is_public(a.name) and a.name not in described]
    told = {a.name: (a.docstring.value if a.docstring else _comment(a)) for a in listed}
    if not text and not any(told.values()):
        return ""
    # The signature of a dataclass holds its fields already, with their types.
    plain = not _fields_are_parameters(item)
    shown = [a for a in listed if told[a.name] or (plain and _is_declared(a, item))]
    entries = [_entry(attribute, told[attribute.name]) for attribute in shown]
    section = "\n".join(["Attributes:", *entries]) if entries else ""
    return f"{text}\n\n{section}".strip()


def _overloads(item: griffe.Object) -> list[griffe.Function]:
    return (item.overloads or []) if isinstance(item, griffe.Function) else []


def _is_declared(attribute: griffe.Attribute, owner: griffe.Class) -> bool:
    """Whether an attribute without words of its own is still worth listing: it has a type, or
    is a member of an enumeration."""
    is_enum = any(str(base).endswith(("Enum", "Flag")) for base in owner.bases)
    return attribute.annotation is not None or is_enum


def _entry(attribute: griffe.Attribute, text: str) -> str:
    """An attribute as an entry of an "Attributes:" section."""
    default = _field_default(attribute)
    value = "" if default is None else f"`{default}`"
    if len(value) > LONGEST_VALUE:
        value = ""
    if attribute.annotation is None:
        tells = value
    else:
        tells = f"`{attribute.annotation}`" + (f", defaults to {value}" if value else "")
    head = f"    {attribute.name} ({tells}):" if tells else f"    {attribute.name}:"
    return "\n".join([head, *(f"        {line}".rstrip() for line in text.splitlines())])


def _comment(attribute: griffe.Object) -> str:
    """What `#:` comments before an attribute, or at the end of its line, say about it."""
    file = attribute.filepath
    if (
        not isinstance(attribute, griffe.Attribute)
        or not attribute.lineno
        or isinstance(file, list)
    ):
        return ""
    lines = attribute.lines_collection[file]
    start = attribute.lineno - 1
    while start and COMMENT.match(lines[start - 1]):
        start -= 1
    before = [COMMENT.sub("", line) for line in lines[start : attribute.lineno - 1]]
    _, mark, behind = lines[(attribute.endlineno or attribute.lineno) - 1].partition("  #: ")
    return "\n".join([*before, behind] if mark else before).strip()
