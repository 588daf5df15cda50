// Many tensors in one launch: a list of them is the kernel's argument, and a block works on a part of one. No tables in
// device memory, so that a captured graph holds all that it needs.
#pragma once
#include <cstdint>
#include <vector>

#include "cuda/launch.h"

namespace basin::cuda {

// Items of `pointers` pointers, a size and flags that fit, with the rest of a kernel's arguments, the 4 KB that every
// device takes.
constexpr int list_capacity(int pointers) { return (4096 - 256) / (8 * pointers + 20); }

template <class Item, int kCapacity>
struct TensorList {
  struct Part {
    int item;
    std::int64_t index;  // of the item's parts
  };
  // That of the calling block.
  __device__ Part part() const {
    int low = 0, high = count;  // first_block[low] <= blockIdx.x < first_block[high]
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      (first_block[middle] <= blockIdx.x ? low : high) = middle;
    }
    return {low, blockIdx.x - first_block[low]};
  }

  Item items[kCapacity];
  unsigned first_block[kCapacity];
  int count;
};

// Calls run(list, blocks) for lists that hold all items with a size, in their order. A part is `part_size` elements.
template <int kCapacity, class Item, class Run>
void for_each_list(const std::vector<Item>& items, std::int64_t part_size, const Run& run) {
  TensorList<Item, kCapacity> list{};
  std::int64_t blocks = 0;
  const auto flush = [&] {
    if (list.count > 0) run(list, blocks_for(blocks, 1));
    list.count = 0;
    blocks = 0;
  };
  for (const Item& item : items) {
    if (item.size == 0) continue;
    if (list.count == kCapacity) flush();
    list.items[list.count] = item;
    list.first_block[list.count++] = static_cast<unsigned>(blocks);
    blocks += (item.size + part_size - 1) / part_size;
  }
  flush();
}

}  // namespace basin::cuda
