// Who computes a convolution or a product: a library or Basin's own kernels, which count their calls here and compute
// nothing.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "cuda/contractions.h"

namespace basin::cuda {
namespace {

int own_calls = 0;

class CountedContractions final : public Contractions {
 public:
  void matmul(const ConstView&, bool, const ConstView&, bool, const View&) override { ++own_calls; }
  void conv2d(const ConstView&, const ConstView&, const Conv2d&, const View&) override { ++own_calls; }
  void conv2d_input_gradient(const ConstView&, const ConstView&, const Conv2d&, const View&) override { ++own_calls; }
  void conv2d_weight_gradient(const ConstView&, const ConstView&, const Conv2d&, const View&) override { ++own_calls; }
};

class Choice : public ::testing::Test {
 protected:
  Choice() { set("BASIN_CUDA_LIBRARIES", BASIN_STAND_INS); }
  ~Choice() override {
    for (const auto& variable : variables_) unsetenv(variable.c_str());
  }

  void set(const std::string& variable, const std::string& value) {
    variables_.push_back(variable);
    setenv(variable.c_str(), value.c_str(), 1);
  }
  std::unique_ptr<Contractions> make() { return make_contractions(stream_, 0); }
  std::string error() {
    try {
      make();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  // Do the own kernels compute all three convolutions of 3x3 filters (true), or none?
  bool convolves_itself(Contractions& contractions, DType type, std::int64_t channels, std::int64_t stride = 1) {
    const Conv2d options{.stride = stride};
    const Shape x_shape{1, 7, 7, channels}, weight_shape{8, 3, 3, channels};
    const Shape y_shape = conv2d_shape(x_shape, weight_shape, options);
    const View x = view(x_shape, type), weight = view(weight_shape, type), y = view(y_shape, type);
    own_calls = 0;
    contractions.conv2d(x, weight, options, y);
    contractions.conv2d_input_gradient(y, weight, options, x);
    contractions.conv2d_weight_gradient(x, y, options, weight);
    EXPECT_TRUE(own_calls == 0 || own_calls == 3) << own_calls;
    return own_calls == 3;
  }
  int own_calls_of_forward(Contractions& contractions, std::int64_t stride) {
    const Conv2d options{.stride = stride};
    const Shape x{1, 7, 7, 8}, weight{8, 3, 3, 8};
    own_calls = 0;
    contractions.conv2d(view(x, DType::f32), view(weight, DType::f32), options,
                        view(conv2d_shape(x, weight, options), DType::f32));
    return own_calls;
  }
  bool multiplies_itself(Contractions& contractions) {
    own_calls = 0;
    const Shape square{4, 4};
    contractions.matmul(view(square, DType::f32), false, view(square, DType::f32), false, view(square, DType::f32));
    return own_calls == 1;
  }

 private:
  View view(const Shape& shape, DType type) {
    buffers_.emplace_back(4096, 0.0F);
    return {buffers_.back().data(), type, shape};
  }

  OwnedStream stream_;
  std::vector<std::string> variables_;
  std::vector<std::vector<float>> buffers_;
};

TEST_F(Choice, IsCudnnByDefaultExceptForChannelsThatItPads) {
  const auto contractions = make();
  EXPECT_FALSE(convolves_itself(*contractions, DType::f32, 3));
  EXPECT_FALSE(convolves_itself(*contractions, DType::bf16, 8));
  EXPECT_TRUE(convolves_itself(*contractions, DType::bf16, 3));
  EXPECT_TRUE(convolves_itself(*contractions, DType::f16, 3));
  EXPECT_FALSE(multiplies_itself(*contractions));
}

TEST_F(Choice, IsTheOwnKernelsWhereALibraryRefuses) {
  EXPECT_TRUE(convolves_itself(*make(), DType::f32, 8, 3)) << "no algorithm";
  EXPECT_TRUE(convolves_itself(*make(), DType::f32, 8, 4)) << "refused when it runs";
}

TEST_F(Choice, IsTheUsersOwn) {
  set("BASIN_CUDA_CONVOLUTIONS", "own");
  EXPECT_TRUE(convolves_itself(*make(), DType::f32, 8));
  EXPECT_FALSE(multiplies_itself(*make()));
  set("BASIN_CUDA_PRODUCTS", "own");
  EXPECT_TRUE(multiplies_itself(*make()));
  set("BASIN_CUDA_CONVOLUTIONS", "cudnn");
  EXPECT_FALSE(convolves_itself(*make(), DType::bf16, 3));
  set("BASIN_CUDA_CONVOLUTIONS", "cudn");
  EXPECT_EQ(error(), "BASIN_CUDA_CONVOLUTIONS: expected own or cudnn, found 'cudn'; did you mean cudnn?");
}

TEST_F(Choice, WithoutLibrariesIsTheOwnKernelsUnlessTheyAreAskedFor) {
  set("BASIN_CUDA_LIBRARIES", "no/such/folder");
  EXPECT_TRUE(convolves_itself(*make(), DType::f32, 8));
  EXPECT_TRUE(multiplies_itself(*make()));
  set("BASIN_CUDA_CONVOLUTIONS", "cudnn");
  EXPECT_TRUE(error().starts_with("BASIN_CUDA_LIBRARIES: no/such/folder/libcudnn.so.")) << error();
  set("BASIN_CUDA_CONVOLUTIONS", "own");
  set("BASIN_CUDA_PRODUCTS", "cublaslt");
  EXPECT_TRUE(error().starts_with("BASIN_CUDA_LIBRARIES: no/such/folder/libcublasLt.so.")) << error();
}

TEST_F(Choice, ByMeasurementIsMadeOnceACase) {
  set("BASIN_CUDA_TUNE", "1");
  const auto contractions = make();
  EXPECT_EQ(own_calls_of_forward(*contractions, 3), 1) << "nothing to measure: cuDNN has no algorithm";
  const int first = own_calls_of_forward(*contractions, 1), second = own_calls_of_forward(*contractions, 1);
  EXPECT_GT(first, 2) << "the own kernels were not measured";
  EXPECT_LE(second, 1) << "measured again";
  EXPECT_EQ(own_calls_of_forward(*contractions, 1), second) << "another choice";
}

}  // namespace

std::unique_ptr<Contractions> own_contractions(Stream) { return std::make_unique<CountedContractions>(); }

}  // namespace basin::cuda
