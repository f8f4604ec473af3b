"""``python -m toy.ui.default`` writes the default scene that the app shows while the engine starts."""

from toy.files import replacing
from toy.ui.explorer import default_pack
from toy.ui.packing import DEFAULT_PACK

if __name__ == "__main__":
    with replacing(DEFAULT_PACK) as temporary:
        temporary.write_bytes(default_pack())
    print(DEFAULT_PACK)
