#include "landscape/trajectory/gram.h"

#include <gtest/gtest.h>

#include "core/parallel.h"
#include "tests/expect_error.h"
#include "tests/landscape/trajectory/random_path.h"

namespace basin {
namespace {

TEST(Gram, IsTheSameInTilesOfAnySize) {
  constexpr std::size_t kRows = 7, kElements = 70'001;
  const RowSource row = [](std::size_t i) { return random_row(kElements, i); };
  const std::vector<double> whole = gram_matrix(kRows, kElements, row);
  for (std::size_t i = 0; i < kRows; ++i)
    for (std::size_t j = 0; j < kRows; ++j) {
      double sum = 0;
      const std::vector<float> a = row(i), b = row(j);
      for (std::size_t k = 0; k < kElements; ++k) sum += static_cast<double>(a[k]) * static_cast<double>(b[k]);
      EXPECT_NEAR(whole[i * kRows + j], sum, 1e-9 * kElements) << i << " " << j;
    }
  for (const std::int64_t rows_held : {2, 3, 4, 6, 13})
    EXPECT_EQ(gram_matrix(kRows, kElements, row, rows_held * static_cast<std::int64_t>(kElements * sizeof(float))),
              whole)
        << rows_held;
}

TEST(Gram, DoesNotDependOnThreads) {
  const std::vector<float> a = random_row(300'000, 1), b = random_row(300'000, 2);
  const int threads = thread_count();
  set_thread_count(1);
  const double alone = inner_product(a, b);
  set_thread_count(5);
  EXPECT_EQ(inner_product(a, b), alone);
  set_thread_count(threads);
}

TEST(Gram, RefusesVectorsOfDifferentLengths) {
  expect_error([] { inner_product({1, 2}, {1, 2, 3}); }, {"2 and 3 elements"});
}

}  // namespace
}  // namespace basin
