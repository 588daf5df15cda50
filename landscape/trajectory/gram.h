// Inner products of the rows of a matrix too large for memory.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

namespace basin {

// Row `index`, the same whenever it is asked for.
using RowSource = std::function<std::vector<float>(std::size_t index)>;

// G[i * rows + j] = <row i, row j>, in double, of rows of `elements` each. At most `bytes` of rows are held at a time,
// and two rows at least; they are asked for again where all do not fit.
std::vector<double> gram_matrix(std::size_t rows, std::size_t elements, const RowSource& row,
                                std::int64_t bytes = std::int64_t{2} << 30);

// In double, in an order of the length alone.
double inner_product(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace basin
