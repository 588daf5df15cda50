"""Reads an exported file by its format's rules alone and prints it as JSON, numbers as texts.

    read_export.py FILE.vts|FILE.vtp      the standard library is enough
    read_export.py FILE.npz               NumPy

VTK: {"points": [[x, y, z]], "arrays": {name: [type, values]}, "texts": {name: text}, "lines": [[point]],
"polys": [[point]], "extent": [6 integers]}. NPZ: {name: [dtype, shape, values]}.
"""
import base64
import json
import math
import struct
import sys
import xml.etree.ElementTree as ElementTree

TYPES = {"Float64": "d", "Int64": "q", "UInt8": "B"}


def require(condition, what):
    if not condition:
        sys.exit("malformed: " + what)


def values_of(array):
    require(array.get("format") == "binary", "format")
    raw = base64.b64decode("".join(array.text.split()), validate=True)
    (size,) = struct.unpack_from("<Q", raw)
    require(size == len(raw) - 8, "byte count %d of %d bytes" % (size, len(raw) - 8))
    code = TYPES[array.get("type")]
    count, rest = divmod(size, struct.calcsize("<" + code))
    require(rest == 0, "a part of a value")
    return list(struct.unpack("<%d%s" % (count, code), raw[8:]))


def text_of(array):
    require(array.get("type") == "String" and array.get("NumberOfTuples") == "1", "text array")
    codes = bytes(int(code) for code in array.text.split())
    require(codes.endswith(b"\0") and codes.count(b"\0") == 1, "text's end")
    return codes[:-1].decode("utf-8")


def cells_of(piece, kind, count_name, points):
    cells = piece.find(kind)
    expected = int(piece.get(count_name))
    if cells is None:
        require(expected == 0, kind)
        return []
    arrays = {array.get("Name"): values_of(array) for array in cells}
    ends = arrays["offsets"]
    require(len(ends) == expected and ends == sorted(ends) and ends[-1] == len(arrays["connectivity"]), kind)
    require(all(0 <= point < points for point in arrays["connectivity"]), kind + " name points that are not there")
    return [arrays["connectivity"][begin:end] for begin, end in zip([0] + ends, ends)]


def read_vtk(path):
    root = ElementTree.parse(path).getroot()
    require(root.tag == "VTKFile" and root.get("version") == "1.0", "root")
    require(root.get("byte_order") == "LittleEndian" and root.get("header_type") == "UInt64", "header")
    require(root.get("type") == {"vts": "StructuredGrid", "vtp": "PolyData"}[path[-3:]], "type")
    data = root.find(root.get("type"))
    piece = data.find("Piece")
    result = {"texts": {array.get("Name"): text_of(array) for array in data.findall("FieldData/Array")}, "extent": []}
    place = piece.find("Points/DataArray")
    require(place.get("NumberOfComponents") == "3", "points")
    flat = values_of(place)
    count = len(flat) // 3
    require(len(flat) == 3 * count and all(map(math.isfinite, flat)), "points")
    if root.get("type") == "StructuredGrid":
        extent = [int(value) for value in piece.get("Extent").split()]
        require(data.get("WholeExtent") == piece.get("Extent"), "extent")
        require(count == math.prod(extent[k + 1] - extent[k] + 1 for k in (0, 2, 4)), "points fill the extent")
        result["extent"] = extent
    else:
        require(count == int(piece.get("NumberOfPoints")), "points")
        result["lines"] = cells_of(piece, "Lines", "NumberOfLines", count)
        result["polys"] = cells_of(piece, "Polys", "NumberOfPolys", count)
    result["points"] = [[repr(value) for value in flat[3 * i:3 * i + 3]] for i in range(count)]
    result["arrays"] = {}
    for array in piece.find("PointData"):
        values = values_of(array)
        require(len(values) == count, array.get("Name"))
        result["arrays"][array.get("Name")] = [array.get("type"), [repr(value) for value in values]]
    return result


def read_npz(path):
    import numpy
    result = {}
    with numpy.load(path, allow_pickle=False) as archive:
        require(archive.zip.testzip() is None, "checksum")
        for name in archive.files:
            array = archive[name]
            text = array.dtype.kind == "S"
            values = [array[()].decode("utf-8")] if text else [repr(value) for value in array.ravel().tolist()]
            result[name] = ["S" if text else array.dtype.str, list(array.shape), values]
    return result


print(json.dumps((read_npz if sys.argv[1].endswith(".npz") else read_vtk)(sys.argv[1])))
