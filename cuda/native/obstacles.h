// What keeps a device from being computed on, each in one line; "" where nothing does.
#pragma once
#include <cstddef>
#include <string>

namespace basin::cuda {

std::string index_obstacle(int device, int count);                 // of `count` devices
std::string capability_obstacle(int major, int minor);             // below 8.0
std::string memory_obstacle(std::size_t free, std::size_t total);  // bytes; less than 1 GiB is free

}  // namespace basin::cuda
