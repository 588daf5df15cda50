// The named tensors of a network: parameters and batch-norm statistics, in PyTorch's state_dict order.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/tensor.h"

namespace basin {

enum class Role : std::uint8_t {
  weight,        // convolution (K, R, S, C / groups) or linear (O, I)
  bias,          // of a convolution or linear layer
  gamma,         // batch norm weight
  beta,          // batch norm bias
  running_mean,  // batch norm statistics: buffers, not parameters
  running_variance,
  batches_tracked,  // i64 scalar that PyTorch keeps beside them; lives on the host whatever the back end
};
bool is_parameter(Role role);

struct Entry {
  std::string name;  // PyTorch's, such as "layer1.0.conv1.weight"
  Role role = Role::weight;
  Tensor value;  // in Basin's layout
  // A linear layer that follows the flattening of an (H, W, C) activation keeps its columns in H W C order; PyTorch has
  // C H W. (0, 0, 0): not so.
  std::int64_t flattened_height = 0, flattened_width = 0, flattened_channels = 0;
};

// Copies share the tensors; clone() does not.
class State {
 public:
  void add(Entry entry);  // throws Error on a repeated name
  const std::vector<Entry>& entries() const { return entries_; }
  std::vector<Entry>& entries() { return entries_; }  // to change values; names and order stay
  const Entry* find(std::string_view name) const;     // null if absent
  Entry* find(std::string_view name);
  const Tensor& operator[](std::string_view name) const;  // throws Error if absent
  Tensors parameters() const;                             // values of the parameters, in order
  void set_parameters(const Tensors& values);             // same order, shapes and dtypes, else Error
  std::int64_t parameter_count() const;
  State clone() const;               // own storage
  State on(Backend& backend) const;  // there; tensors that are there already are shared

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };

  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> index_;  // name -> place in entries_
};

// ---- the file boundary: PyTorch's shapes
// Filters become (K, C / groups, R, S); flattened linear columns C H W; the rest is as it is.
Shape file_shape(const Entry& entry);
// Reorders the elements of `value` (any dtype, kept; the result is on the host) between the two layouts.
Tensor to_file_layout(const Entry& entry, const Tensor& value);
Tensor from_file_layout(const Entry& entry, const Tensor& file_value);

}  // namespace basin
