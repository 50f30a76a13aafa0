"""The stubs of the extension module name what is there, and everything that is there."""

from __future__ import annotations

import ast
from pathlib import Path

import stealscope
from stealscope import _core

STUBS = ast.parse((Path(stealscope.__file__).parent / "_core.pyi").read_text(encoding="utf-8"))
CLASSES = {node.name: node for node in STUBS.body if isinstance(node, ast.ClassDef)}


def _names(body: list[ast.stmt]) -> set[str]:
    functions = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return functions | {node.target.id for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}


def test_every_name_of_the_module_is_in_the_stubs_and_the_other_way_round() -> None:
    built = {name for name in vars(_core) if not name.startswith("__")}
    assert built == _names(STUBS.body)


def test_every_method_of_a_class_is_in_the_stubs_and_the_other_way_round() -> None:
    for name, node in CLASSES.items():
        inherited = [base.id for base in node.bases if isinstance(base, ast.Name) and base.id in CLASSES]
        stubbed = _names(node.body).union(*(_names(CLASSES[base].body) for base in inherited))
        built = {attribute for attribute in dir(getattr(_core, name)) if not attribute.startswith("_")}
        public = {method for method in stubbed if not method.startswith("_")}
        # The figures of a World are in the two kinds that there are, each for its own scheduler.
        assert built <= public if name == "World" else built == public, name
