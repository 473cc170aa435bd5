"""Licences as the Hugging Face hub knows them, for a model card's front matter.

Source: https://huggingface.co/docs/hub/repositories-licenses, as remembered: a licence that the hub has learnt since
goes out as `other` with its name, which the hub takes as well.
"""

import re

from structure.markdown import one_line, yaml_text

_KNOWN = """
    apache-2.0 mit openrail openrail++ bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0
    bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0
    cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0
    cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0
    cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl
    gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0 odc-by odbl osl-3.0 postgresql ofl-1.1 ncsa
    unlicense zlib pddl unknown
"""
KNOWN = frozenset(_KNOWN.split())


def licence_lines(stated: str) -> list[str]:
    """The front matter's lines for what a person wrote; empty text is nobody's statement.

    >>> licence_lines("Apache-2.0"), licence_lines("Ask my band first")
    (['license: apache-2.0'], ['license: other', 'license_name: "ask-my-band-first"'])
    """
    words = one_line(stated)
    if words.lower() in KNOWN:
        return [f"license: {words.lower()}"]
    slug = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:60] or "see-below"
    return ["license: other", f"license_name: {yaml_text(slug if words else 'not-stated')}"]
