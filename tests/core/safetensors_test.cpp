#include "core/safetensors.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/random.h"
#include "tests/expect_error.h"
#include "tests/failing_disk.h"
#include "tests/python.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

// A file's bytes from header text and buffer size; the buffer counts up.
std::string file_bytes(const std::string& header, std::size_t buffer_bytes, std::uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i));
  bytes += header;
  for (std::size_t i = 0; i < buffer_bytes; ++i) bytes += static_cast<char>(i);
  return bytes;
}
std::string file_bytes(const std::string& header, std::size_t buffer_bytes) {
  return file_bytes(header, buffer_bytes, header.size());
}
TensorFile parse(const std::string& header, std::size_t buffer_bytes) {
  return parse_safetensors(file_bytes(header, buffer_bytes), "x.safetensors");
}
std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

TEST(Safetensors, EveryDtypeAndShapeSurvivesTheFile) {
  const TemporaryFolder folder;
  const std::vector<float> weights{1.5f, -2.0f, 3.0f, 0.0f, -0.0f, 1e-40f};
  const std::vector<double> exact{0.1, 1e308};
  const std::vector<std::int64_t> steps{-7};
  const std::vector<std::int32_t> labels{1, -1, 2147483647};
  const std::vector<std::uint8_t> pixels{0, 255, 7};
  const std::vector<std::uint16_t> halves{0x3c00, 0xfbff, 0x7e00};
  const std::vector<NamedTensor> tensors{
      {"pixels", DType::u8, {3}, pixels.data()},     {"conv \"1\"\n.weight", DType::f32, {1, 2, 3}, weights.data()},
      {"steps", DType::i64, {}, steps.data()},       {"labels", DType::i32, {3}, labels.data()},
      {"exact", DType::f64, {2, 1}, exact.data()},   {"half", DType::f16, {3}, halves.data()},
      {"brain", DType::bf16, {1, 3}, halves.data()}, {"empty", DType::f32, {0, 5}, nullptr},
  };
  const std::map<std::string, std::string> metadata{{"model", "resnet20"}, {"größe", "ü\t\"\\"}, {"", ""}};
  write_safetensors(folder / "x.safetensors", tensors, metadata);
  const TensorFile file = read_safetensors(folder / "x.safetensors");

  EXPECT_EQ(file.metadata, metadata);
  ASSERT_EQ(file.tensors.size(), tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const FileTensor& found = file.tensors[i];
    EXPECT_EQ(found.name, tensors[i].name);
    EXPECT_EQ(file.dtype(found), tensors[i].dtype);
    EXPECT_EQ(found.shape, tensors[i].shape);
    const std::size_t bytes = static_cast<std::size_t>(tensors[i].shape.count()) * size_of(tensors[i].dtype);
    ASSERT_EQ(found.bytes.size(), bytes);
    if (bytes > 0) {
      EXPECT_EQ(std::memcmp(found.bytes.data(), tensors[i].data, bytes), 0) << found.name;
    }
    EXPECT_EQ((found.bytes.data() - reinterpret_cast<const std::byte*>(file.contents->data())) %
                  static_cast<std::ptrdiff_t>(size_of(tensors[i].dtype)),
              0)
        << found.name << " is not aligned in the file";
  }
  EXPECT_EQ(file.find("labels"), &file.tensors[3]);
  EXPECT_EQ(file.find("absent"), nullptr);
}

TEST(Safetensors, EqualArgumentsGiveEqualBytes) {
  const TemporaryFolder folder;
  const std::vector<float> values{1, 2, 3};
  const std::vector<NamedTensor> tensors{{"b", DType::f32, {3}, values.data()}, {"a", DType::f32, {1}, values.data()}};
  write_safetensors(folder / "1", tensors, {{"k", "v"}});
  write_safetensors(folder / "2", tensors, {{"k", "v"}});
  EXPECT_EQ(read_file(folder / "1"), read_file(folder / "2"));
}

TEST(Safetensors, LegalOddities) {
  EXPECT_TRUE(parse("{}", 0).tensors.empty());
  EXPECT_TRUE(parse("{}      ", 0).tensors.empty());  // padded
  EXPECT_EQ(parse(R"({"s":)" + entry("F32", "[]", "[0,4]") + "}", 4).tensors[0].shape, Shape{});
  EXPECT_EQ(parse(R"({"e":)" + entry("F32", "[0]", "[0,0]") + "}", 0).tensors[0].bytes.size(), 0u);
  // The header need not list the tensors in the buffer's order, and an empty one may lie anywhere.
  const TensorFile file = parse(R"({"b":)" + entry("U8", "[2]", "[4,6]") + R"(,"e":)" + entry("U8", "[0,9]", "[4,4]") +
                                    R"(,"a":)" + entry("F32", "[1]", "[0,4]") + "}",
                                6);
  EXPECT_EQ(file.tensors[0].name, "b");
  EXPECT_EQ(std::to_integer<int>(file.tensors[0].bytes[1]), 5);
  // A dtype that only others compute with is no error until it is asked for.
  const TensorFile booleans = parse(R"({"mask":)" + entry("BOOL", "[3]", "[0,3]") + "}", 3);
  expect_error([&] { booleans.dtype(booleans.tensors[0]); }, {"'x.safetensors'", "tensor \"mask\"", "dtype", "BOOL"});
}

struct BadHeader {
  std::string what;
  std::string header;
  std::size_t buffer_bytes;
  std::vector<std::string> parts;  // of the message
};
std::vector<BadHeader> bad_headers() {
  const std::string good = entry("F32", "[2]", "[0,8]");
  const std::string shape_max = "9223372036854775807";
  return {
      {"empty header", "", 0, {"starts with '{'"}},
      {"space first", " {}", 0, {"starts with '{'"}},
      {"an array", "[]", 0, {"starts with '{'"}},
      {"cut JSON", "{\"a\":", 0, {"malformed JSON", "byte"}},
      {"text after", "{}x", 0, {"malformed JSON"}},
      {"not UTF-8", "{\"\xff\":1}", 0, {"malformed JSON"}},
      {"a huge number", R"({"a":1e999})", 0, {"out of range"}},
      {"deep nesting", "{\"a\":" + std::string(100000, '['), 0, {"nested"}},
      {"repeated tensor", "{\"a\":" + good + ",\"a\":" + good + "}", 8, {"key \"a\"", "repeated"}},
      {"repeated field",
       R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
       8,
       {"\"dtype\"", "repeated"}},
      {"repeated metadata", R"({"__metadata__":{"k":"v","k":"v"}})", 0, {"key \"k\"", "repeated"}},
      {"metadata number", R"({"__metadata__":{"k":1}})", 0, {"__metadata__ \"k\"", "text", "found 1"}},
      {"metadata list", R"({"__metadata__":[]})", 0, {"__metadata__", "object"}},
      {"entry is a number", R"({"a":1})", 0, {"tensor \"a\"", "object", "found 1"}},
      {"no dtype", R"({"a":{"shape":[2],"data_offsets":[0,8]}})", 8, {"tensor \"a\"", "\"dtype\" is missing"}},
      {"no shape", R"({"a":{"dtype":"F32","data_offsets":[0,8]}})", 8, {"tensor \"a\"", "\"shape\" is missing"}},
      {"no offsets", R"({"a":{"dtype":"F32","shape":[2]}})", 8, {"tensor \"a\"", "\"data_offsets\" is missing"}},
      {"another field",
       R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})",
       8,
       {"unexpected field \"x\""}},
      {"unknown dtype", "{\"a\":" + entry("F33", "[2]", "[0,8]") + "}", 8, {"tensor \"a\", dtype", "found \"F33\""}},
      {"dtype in lower case", "{\"a\":" + entry("f32", "[2]", "[0,8]") + "}", 8, {"dtype", "found \"f32\""}},
      {"dtype is a number", R"({"a":{"dtype":32,"shape":[2],"data_offsets":[0,8]}})", 8, {"dtype", "found 32"}},
      {"negative extent", "{\"a\":" + entry("F32", "[-2]", "[0,8]") + "}", 8, {"shape", "non-negative", "[-2]"}},
      {"fraction extent", "{\"a\":" + entry("F32", "[2.0]", "[0,8]") + "}", 8, {"shape", "[2.0]"}},
      {"shape is a number", "{\"a\":" + entry("F32", "2", "[0,8]") + "}", 8, {"shape", "found 2"}},
      {"nested shape", "{\"a\":" + entry("F32", "[[2]]", "[0,8]") + "}", 8, {"nested"}},
      {"extent of 64 bits", "{\"a\":" + entry("U8", "[9223372036854775808]", "[0,8]") + "}", 8, {"shape"}},
      {"product overflows", "{\"a\":" + entry("U8", "[4294967296,4294967296]", "[0,0]") + "}", 0, {"overflow"}},
      {"product overflows to the size",
       "{\"a\":" + entry("F32", "[4611686018427387905]", "[0,4]") + "}",
       4,
       {"overflow"}},
      {"overflow before a zero", "{\"a\":" + entry("U8", "[" + shape_max + ",2,0]", "[0,0]") + "}", 0, {"overflow"}},
      {"three offsets", "{\"a\":" + entry("F32", "[2]", "[0,8,8]") + "}", 8, {"data_offsets", "[begin, end]"}},
      {"negative offset", "{\"a\":" + entry("F32", "[2]", "[-8,0]") + "}", 8, {"data_offsets"}},
      {"reversed offsets", "{\"a\":" + entry("F32", "[2]", "[8,0]") + "}", 8, {"data_offsets", "begin <= end"}},
      {"beyond the buffer", "{\"a\":" + good + "}", 7, {"data_offsets", "<= 7", "[0,8]"}},
      {"offsets against shape", "{\"a\":" + entry("F32", "[3]", "[0,8]") + "}", 8, {"(3)", "needs 12 bytes", "with 8"}},
      {"a hole at the start", "{\"a\":" + entry("F32", "[2]", "[4,12]") + "}", 12, {"begin at 0", "found 4", "hole"}},
      {"a hole between",
       "{\"a\":" + good + ",\"b\":" + entry("U8", "[1]", "[9,10]") + "}",
       10,
       {"tensor \"b\"", "begin at 8", "hole"}},
      {"an overlap",
       "{\"a\":" + good + ",\"b\":" + entry("F32", "[2]", "[4,12]") + "}",
       12,
       {"begin at 8", "found 4", "overlap"}},
      {"twice the same bytes", "{\"a\":" + good + ",\"b\":" + good + "}", 8, {"overlap"}},
      {"an empty tensor inside another",
       "{\"a\":" + good + ",\"b\":" + entry("F32", "[0]", "[4,4]") + "}",
       8,
       {"overlap"}},
      {"bytes left over", "{\"a\":" + good + "}", 9, {"buffer", "expected 8", "found 9"}},
      {"a buffer without tensors", "{}", 1, {"buffer", "expected 0", "found 1"}},
      {"a name with a line break", R"({"a\nb":1})", 0, {R"("a\nb")"}},
  };
}

TEST(Safetensors, EveryRuleHasItsError) {
  for (const BadHeader& bad : bad_headers()) {
    SCOPED_TRACE(bad.what);
    expect_error([&] { parse(bad.header, bad.buffer_bytes); }, {"'x.safetensors'"});
    for (const std::string& part : bad.parts) expect_error([&] { parse(bad.header, bad.buffer_bytes); }, {part});
  }
}

TEST(Safetensors, HeaderLengthIsChecked) {
  const auto parse_bytes = [](const std::string& bytes) { parse_safetensors(bytes, "x.safetensors"); };
  expect_error([&] { parse_bytes(""); }, {"header length", "expected 8", "found 0"});
  expect_error([&] { parse_bytes("1234567"); }, {"header length", "found 7"});
  expect_error([&] { parse_bytes(file_bytes("{}", 0, 3)); }, {"header", "expected 3", "found 2"});
  expect_error([&] { parse_bytes(file_bytes("{}", 0, 100'000'001)); }, {"at most 100000000", "found 100000001"});
  expect_error([&] { parse_bytes(file_bytes("{}", 0, ~std::uint64_t{0})); }, {"at most 100000000"});
}

TEST(Safetensors, BadArgumentsAndAFullDiskKeepTheOldFile) {
  const TemporaryFolder folder;
  const std::vector<float> values(1000);
  const NamedTensor good{"a", DType::f32, {1000}, values.data()};
  NamedTensor reserved = good, broken = good;
  reserved.name = "__metadata__";
  broken.name = "\xff";
  const auto path = folder / "x.safetensors";
  write_safetensors(path, std::array{good});
  const std::string old = read_file(path);
  expect_error([&] { write_safetensors(path, std::array{good, good}); }, {"\"a\"", "taken"});
  expect_error([&] { write_safetensors(path, std::array{reserved}); }, {"__metadata__"});
  expect_error([&] { write_safetensors(path, std::array{broken}); }, {"UTF-8"});
  expect_error([&] { write_safetensors(path, std::array{good}, {{"k", "\xff"}}); }, {"UTF-8"});
  {
    const FailingDisk disk(1000);
    expect_error([&] { write_safetensors(path, std::array{good}); }, {"cannot write", "x.safetensors"});
  }
  EXPECT_EQ(read_file(path), old);
  EXPECT_EQ(folder.entries(), 1u);
}

// A second implementation of the format: reads the file that Basin wrote, checks it, and writes one of its own.
constexpr const char* kPythonPeer = R"(
import json, struct, sys
source, destination = sys.argv[1:]
data = open(source, 'rb').read()
length, = struct.unpack('<Q', data[:8])
header = json.loads(data[8:8 + length])
buffer = data[8 + length:]
assert (8 + length) % 8 == 0
assert header.pop('__metadata__') == {'model': 'resnet20', 'note': 'ü'}
end = 0
for name, e in sorted(header.items(), key=lambda item: item[1]['data_offsets']):
    assert e['data_offsets'][0] == end, name
    end = e['data_offsets'][1]
assert end == len(buffer)
weight, steps = header['weight'], header['steps']
assert weight['dtype'] == 'F32' and weight['shape'] == [2, 3]
assert struct.unpack('<6f', buffer[slice(*weight['data_offsets'])]) == (0.5, 1.5, 2.5, 3.5, 4.5, 5.5)
assert steps['dtype'] == 'I64' and steps['shape'] == []
assert struct.unpack('<q', buffer[slice(*steps['data_offsets'])]) == (-12345678901,)
out = {'__metadata__': {'format': 'pt'},
       'bias': {'dtype': 'F32', 'shape': [2], 'data_offsets': [0, 8]},
       'count': {'dtype': 'I64', 'shape': [], 'data_offsets': [8, 16]}}
text = json.dumps(out, indent=1).encode()
text += b' ' * (-len(text) % 8)
open(destination, 'wb').write(struct.pack('<Q', len(text)) + text + struct.pack('<2f', 0.25, -8) + struct.pack('<q', 42))
)";

TEST(Safetensors, AgreesWithASecondImplementation) {
  if (!python_has("json, struct")) GTEST_SKIP() << "no Python here";
  const TemporaryFolder folder;
  const std::vector<float> weight{0.5f, 1.5f, 2.5f, 3.5f, 4.5f, 5.5f};
  const std::int64_t steps = -12345678901;
  write_safetensors(folder / "ours",
                    std::array{NamedTensor{"weight", DType::f32, {2, 3}, weight.data()},
                               NamedTensor{"steps", DType::i64, {}, &steps}},
                    {{"model", "resnet20"}, {"note", "ü"}});
  const auto result = run_python(kPythonPeer, (folder / "ours").string() + " " + (folder / "theirs").string());
  ASSERT_EQ(result.status, 0) << result.output;

  const TensorFile theirs = read_safetensors(folder / "theirs");
  EXPECT_EQ(theirs.metadata.at("format"), "pt");
  float bias[2];
  std::int64_t count = 0;
  ASSERT_EQ(theirs.find("bias")->bytes.size(), sizeof bias);
  std::memcpy(bias, theirs.find("bias")->bytes.data(), sizeof bias);
  std::memcpy(&count, theirs.find("count")->bytes.data(), sizeof count);
  EXPECT_EQ(bias[0], 0.25f);
  EXPECT_EQ(bias[1], -8.0f);
  EXPECT_EQ(count, 42);
}

}  // namespace
}  // namespace basin
