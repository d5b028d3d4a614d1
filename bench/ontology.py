"""How long `kg ontology check` takes on what ships, step by step, and HermiT by itself.

Run: python bench/ontology.py
"""

from __future__ import annotations

from kg.ontology.check import Checker
from kg.settings import shipped


def main() -> None:
    checker = Checker(shipped("ontology").parent)
    for name, result in (("cold", checker.run()), ("again", checker.run())):
        seconds = dict(result.facts["seconds"])
        reasoner = seconds.pop("reasoner", 0.0)
        print(f"{name}: {sum(seconds.values()):.2f} s without HermiT, {reasoner:.2f} s HermiT")
        print("  " + ", ".join(f"{step} {taken:.3f}" for step, taken in seconds.items()))
    print(result.facts["reasoner"])
    print(f"{result.facts['rules']} rules, {result.facts['files']} files, {result.counts()}")


if __name__ == "__main__":
    main()
