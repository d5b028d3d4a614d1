"""A knowledge graph of AI industrial clusters: from tables to a published release.

Read downwards; imports run one way, and `lint-imports` holds it.

    __main__   the command line
    commands   what it offers, one module an area
    build      tables + ontology → candidate → inferred → validated → published
    sources    originals fetched, first mappings drafted
    link       which mentions mean one entity
    etl        tables by mappings to checked statements
    ontology   modules, vocabularies and shapes as quads
    infer      what follows by the ontology's axioms, and why it does
    validate   SHACL, and the report for people
    catalogue  named queries with typed parameters
    sample     a made-up database of the report's size
    release    immutable releases: publish, roll back, prune, clone
    tables     files, workbooks, databases, RDF in; every row and cell accounted for
    sparql     what a query's text says, without running it
    workers    killable processes that answer queries
    tokens     who may write, and what
    patch      what turns one release's content into another's
    dump       a release's dump, read line by line
    nquads     lines of N-Quads as a column
    ground     N-Quads for a bulk load, which keeps no name of a blank node
    settings · vocab · errors
"""
