"""What is said of a result whose shape has no message, in the languages of the project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kg import vocab

_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "Class": ("Expected an instance of {class}.", "应为 {class} 的实例。"),
    "Datatype": ("Expected a literal of {datatype}.", "应为 {datatype} 类型的字面量。"),
    "NodeKind": ("Expected {nodeKind}.", "应为 {nodeKind}。"),
    "MinCount": ("Expected at least {minCount} values.", "至少应有 {minCount} 个值。"),
    "MaxCount": ("Expected at most {maxCount} values.", "至多应有 {maxCount} 个值。"),
    "MinExclusive": ("Expected more than {minExclusive}.", "应大于 {minExclusive}。"),
    "MinInclusive": ("Expected {minInclusive} or more.", "应不小于 {minInclusive}。"),
    "MaxExclusive": ("Expected less than {maxExclusive}.", "应小于 {maxExclusive}。"),
    "MaxInclusive": ("Expected {maxInclusive} or less.", "应不大于 {maxInclusive}。"),
    "MinLength": ("Expected at least {minLength} characters.", "至少应有 {minLength} 个字符。"),
    "MaxLength": ("Expected at most {maxLength} characters.", "至多应有 {maxLength} 个字符。"),
    "Pattern": ("Expected a text that matches {pattern}.", "应为匹配 {pattern} 的文本。"),
    "LanguageIn": ("Expected one of the languages {languageIn}.", "语言应为 {languageIn} 之一。"),
    "UniqueLang": ("Expected one value per language.", "每种语言应只有一个值。"),
    "Equals": ("Expected the same values as {equals}.", "应与 {equals} 的值相同。"),
    "Disjoint": ("Expected no value of {disjoint}.", "不应有 {disjoint} 的值。"),
    "LessThan": ("Expected less than {lessThan}.", "应小于 {lessThan}。"),
    "LessThanOrEquals": (
        "Expected no more than {lessThanOrEquals}.",
        "应不大于 {lessThanOrEquals}。",
    ),
    "HasValue": ("Expected the value {hasValue}.", "应有值 {hasValue}。"),
    "In": ("Expected one of {in}.", "应为 {in} 之一。"),
    "Closed": ("This property is not expected here.", "此处不应有该属性。"),
    "Not": ("Expected not to conform to {not}.", "不应符合 {not}。"),
    "And": ("Expected to conform to all of {and}.", "应符合全部 {and}。"),
    "Or": ("Expected to conform to one of {or} at least.", "至少应符合 {or} 之一。"),
    "Xone": ("Expected to conform to exactly one of {xone}.", "应恰好符合 {xone} 之一。"),
    "Node": ("Expected to conform to {node}.", "应符合 {node}。"),
    "QualifiedMinCount": (
        "Expected at least {qualifiedMinCount} values that conform to {qualifiedValueShape}.",
        "至少应有 {qualifiedMinCount} 个值符合 {qualifiedValueShape}。",
    ),
    "QualifiedMaxCount": (
        "Expected at most {qualifiedMaxCount} values that conform to {qualifiedValueShape}.",
        "至多应有 {qualifiedMaxCount} 个值符合 {qualifiedValueShape}。",
    ),
    "SPARQL": ("The rule of this shape does not hold.", "不满足该形状的规则。"),
}


def default_message(component: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """The message of a component, in English and Chinese."""
    name = component.removesuffix("ConstraintComponent")
    english, chinese = _TEXTS.get(name) or (
        f"The constraint {vocab.shorten(component)} does not hold.",
        f"不满足约束 {vocab.shorten(component)}。",
    )
    for key, text in parameters.items():
        english = english.replace(f"{{{key}}}", text)
        chinese = chinese.replace(f"{{{key}}}", text)
    return {"en": english, "zh": chinese}
