#include "data/official.h"

#include <array>

#include "core/error.h"

namespace basin {
namespace {

const std::array<OfficialSet, 2> kSets = {
    {{"cifar10",
      "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
      "cifar-10-binary.tar.gz",
      170'052'171,
      "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
      "cifar-10-batches-bin",
      {{"data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"},
       {"data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"},
       {"data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"},
       {"data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"},
       {"data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"},
       {"test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"}}},
     {"cifar100",
      "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
      "cifar-100-binary.tar.gz",
      168'513'733,
      "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
      "cifar-100-binary",
      {{"train.bin", "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29"},
       {"test.bin", "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a"}}}}};

}  // namespace

const OfficialSet& official_set(std::string_view name) {
  for (const OfficialSet& set : kSets)
    if (set.name == name) return set;
  fail("data set '", name, "': expected cifar10 or cifar100");
}

}  // namespace basin
