"""Every document against its kind's schema; a field that the schema does not know is refused."""

import kubernetes_validate


def problems(documents, versions, definitions):
    for document in documents:
        if definitions.defines(document):
            yield from (f"{name(document)}: {problem}" for problem in definitions.problems(document))
        else:
            yield from core(document, versions)


def core(document, versions):
    for version in versions:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            where = ".".join(str(part) for part in error.path)
            yield f"{name(document)}: {where}: {error.message} (Kubernetes {version})"
        except kubernetes_validate.SchemaNotFoundError as error:
            yield f"{name(document)}: {error.message}"


def name(document):
    return f"{document.get('kind')} {document.get('metadata', {}).get('name')}"
