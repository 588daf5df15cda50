// The calls of cuDNN and cuBLASLt against the CPU back end: operands, layouts, what is chosen and what is left to
// others. Stand-ins on the host take the libraries' places, so that no GPU is needed; the memory that the calls work in
// is the emulator's.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

#include "core/error.h"
#include "cuda/native/libraries/cublas_lt.h"
#include "cuda/native/libraries/cudnn.h"
#include "tests/cuda/libraries/element.h"

namespace basin::cuda {
namespace {

// The stand-ins are libraries of this folder.
class Library : public ::testing::Test {
 protected:
  Library() { setenv("BASIN_CUDA_LIBRARIES", BASIN_STAND_INS, 1); }
  ~Library() override { unsetenv("BASIN_CUDA_LIBRARIES"); }
  OwnedStream stream_;
};

// An array on the host, `offset` elements past an address that is a multiple of 256 bytes. Its values are small
// integers, whose products and sums are exact in all types.
class Array {
 public:
  Array(const Shape& shape, DType type, int seed, std::size_t offset = 0)
      : shape_(shape), type_(type), bytes_(kAlignment + static_cast<std::size_t>(shape.count() + 64) * size_of(type)) {
    void* begin = bytes_.data();
    std::size_t space = bytes_.size();
    std::align(kAlignment, space - kAlignment, begin, space);
    data_ = static_cast<char*>(begin) + offset * size_of(type);
    for (std::int64_t i = 0; i < shape.count(); ++i)
      set_element(data_, type, i, static_cast<float>((i * 7 + seed) % 5 - 2));
  }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  View view() const { return {data_, type_, shape_}; }
  void* data() const { return data_; }
  std::vector<float> values() const {
    std::vector<float> values;
    for (std::int64_t i = 0; i < shape_.count(); ++i) values.push_back(element(data_, type_, i));
    return values;
  }

 private:
  static constexpr std::size_t kAlignment = 256;
  Shape shape_;
  DType type_;
  std::vector<char> bytes_;
  void* data_;
};

constexpr DType kTypes[] = {DType::f32, DType::f16, DType::bf16};

ConvolutionCase convolution(ConvolutionKind kind, DType type, const Shape& x, const Shape& weight,
                            const Conv2d& options) {
  return {kind, type, options, x, weight, conv2d_shape(x, weight, options)};
}

// The arrays of a case: two operands and the output, in the order of core/backend.h.
struct Arrays {
  Array x, weight, y;
  ConvolutionKind kind;

  explicit Arrays(const ConvolutionCase& c, DType type)
      : x(c.x, type, 1), weight(c.weight, type, 2), y(c.y, type, 3), kind(c.kind) {}
  const Array& a() const { return kind == ConvolutionKind::input_gradient ? y : x; }
  const Array& b() const { return kind == ConvolutionKind::weight_gradient ? y : weight; }
  const Array& output() const {
    return kind == ConvolutionKind::forward ? y : kind == ConvolutionKind::input_gradient ? x : weight;
  }
};

std::vector<float> by_cpu(const ConvolutionCase& c) {
  const Arrays arrays(c, DType::f32);
  const View a = arrays.a().view(), b = arrays.b().view(), output = arrays.output().view();
  if (c.kind == ConvolutionKind::forward) cpu_backend().conv2d(a, b, c.options, output);
  if (c.kind == ConvolutionKind::input_gradient) cpu_backend().conv2d_input_gradient(a, b, c.options, output);
  if (c.kind == ConvolutionKind::weight_gradient) cpu_backend().conv2d_weight_gradient(a, b, c.options, output);
  return arrays.output().values();
}

constexpr ConvolutionKind kKinds[] = {ConvolutionKind::forward, ConvolutionKind::input_gradient,
                                      ConvolutionKind::weight_gradient};

TEST_F(Library, CudnnComputesTheThreeConvolutions) {
  const auto cudnn = open_cudnn(stream_);
  for (const ConvolutionKind kind : kKinds)
    for (const DType type : kTypes)
      for (const auto& c :
           {convolution(kind, type, {2, 5, 6, 4}, {6, 3, 2, 4}, {.stride = 1, .padding = 1}),
            convolution(kind, type, {1, 7, 5, 6}, {4, 3, 3, 3}, {.stride = 2, .padding = 0, .groups = 2}),
            convolution(kind, type, {3, 1, 4, 2}, {1, 1, 1, 2}, {})}) {
        const Arrays arrays(c, type);
        for (int repeat = 0; repeat < 2; ++repeat) {
          ASSERT_TRUE(cudnn->run(c, arrays.a().data(), arrays.b().data(), arrays.output().data()));
          EXPECT_EQ(arrays.output().values(), by_cpu(c)) << type << c.x << c.weight << static_cast<int>(kind);
        }
      }
}

TEST_F(Library, CudnnLeavesWhatItCannotComputeToOthers) {
  const auto cudnn = open_cudnn(stream_);
  const auto run = [&](const ConvolutionCase& c, std::size_t offset) {
    const Array x(c.x, c.type, 1, offset), weight(c.weight, c.type, 2), y(c.y, c.type, 3);
    const std::vector<float> before = y.values();
    const bool started = cudnn->run(c, x.data(), weight.data(), y.data());
    if (!started) {
      EXPECT_EQ(y.values(), before) << c.x;
    }
    return started;
  };
  for (const DType type : kTypes) {
    const auto with_stride = [&](std::int64_t stride) {
      return convolution(ConvolutionKind::forward, type, {1, 9, 9, 2}, {2, 3, 3, 2}, {.stride = stride});
    };
    EXPECT_TRUE(run(with_stride(1), 0));
    EXPECT_FALSE(run(with_stride(1), 1)) << "operands that are not 16-byte aligned";
    EXPECT_FALSE(run(with_stride(3), 0)) << "no algorithm";
    for (int repeat = 0; repeat < 2; ++repeat) EXPECT_FALSE(run(with_stride(4), 0)) << "refused when it runs";
    EXPECT_FALSE(run(convolution(ConvolutionKind::forward, type, {0, 9, 9, 2}, {2, 3, 3, 2}, {}), 0)) << "empty";
  }
}

TEST_F(Library, CublasLtComputesProducts) {
  const auto cublas = open_cublas_lt(stream_);
  for (const DType type : kTypes)
    for (const bool transpose_a : {false, true})
      for (const bool transpose_b : {false, true})
        for (const std::size_t offset : {0, 1, 8}) {
          const Shape a_shape = transpose_a ? Shape{6, 4} : Shape{4, 6};
          const Shape b_shape = transpose_b ? Shape{3, 6} : Shape{6, 3};
          const auto multiply = [&](DType used, const auto& product) {
            const Array a(a_shape, used, 1, offset), b(b_shape, used, 2, offset == 0 ? 1 : 0), y({4, 3}, used, 3);
            product(a.view(), b.view(), y.view());
            return y.values();
          };
          const auto exact = multiply(DType::f32, [&](const View& a, const View& b, const View& y) {
            cpu_backend().matmul(a, transpose_a, b, transpose_b, y);
          });
          const auto found = multiply(type, [&](const View& a, const View& b, const View& y) {
            EXPECT_TRUE(cublas->matmul(a, transpose_a, b, transpose_b, y));
          });
          EXPECT_EQ(found, exact) << type << transpose_a << transpose_b << offset;
        }
}

TEST_F(Library, CublasLtLeavesWhatItCannotComputeToOthers) {
  const auto cublas = open_cublas_lt(stream_);
  const auto run = [&](std::int64_t rows, std::int64_t terms) {
    const Array a({rows, terms}, DType::f32, 1), b({terms, 2}, DType::f32, 2), y({rows, 2}, DType::f32, 3);
    const std::vector<float> before = y.values();
    const bool started = cublas->matmul(a.view(), false, b.view(), false, y.view());
    if (!started) {
      EXPECT_EQ(y.values(), before) << rows;
    }
    return started;
  };
  EXPECT_TRUE(run(4, 3));
  EXPECT_FALSE(run(7, 3)) << "no algorithm";
  for (int repeat = 0; repeat < 2; ++repeat) EXPECT_FALSE(run(5, 3)) << "refused when it runs";
  EXPECT_FALSE(run(4, 0)) << "sums without terms";
  EXPECT_FALSE(run(0, 3)) << "empty";
}

TEST(MissingLibrary, IsAnErrorOfOneLine) {
  setenv("BASIN_CUDA_LIBRARIES", "no/such/folder", 1);
  OwnedStream stream;
  const auto error_of = [&](const auto& open) -> std::string {
    try {
      open(stream);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  for (const std::string& line : {error_of(open_cudnn), error_of(open_cublas_lt)}) {
    EXPECT_TRUE(line.starts_with("BASIN_CUDA_LIBRARIES: no/such/folder/lib")) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  }
  unsetenv("BASIN_CUDA_LIBRARIES");
}

}  // namespace
}  // namespace basin::cuda
