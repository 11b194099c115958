"""How much CPU a web process needs at its start for all trusted documents: `python -m tests.bench.compiling`."""

import subprocess
import sys
from time import process_time

import orjson

MOST_SECONDS = 2.0


def measured() -> dict[str, float]:
    """In a process of its own, which knows nothing yet."""
    ran = subprocess.run([sys.executable, "-m", "tests.bench.compiling"], check=True, stdout=subprocess.PIPE)
    said: dict[str, float] = orjson.loads(ran.stdout)
    return said


def main() -> None:
    from bff.graphql import CLIENTS
    from plans import documents
    from plans.checking import Checker
    from plans.engine import Engine
    from resolvers.schema import build_schema

    schema = build_schema()._schema
    trusted = documents.texts(CLIENTS)
    before = process_time()
    engine = Engine(schema, Checker(schema), trusted)
    for document_id in trusted:
        engine.trusted(document_id)
    seconds = process_time() - before
    sys.stdout.buffer.write(orjson.dumps({"documents": len(trusted), "cpu_seconds": round(seconds, 3)}))


if __name__ == "__main__":
    main()
