#include "models/training/resident_images.h"

#include "core/image_batch.h"

namespace basin {

ResidentImages::ResidentImages(const Images& images, std::int64_t count, const Normalization& normalization,
                               Backend& backend) {
  check(count >= 1 && count <= images.count, "images: ", count, " of ", images.count, " asked for");
  const std::vector<float> table = pixel_table(normalization.mean, normalization.deviation);
  check(static_cast<std::int64_t>(table.size()) == images.channels * kPixelLevels, "normalisation of ",
        normalization.mean.size(), " channels for images of ", images.channels);
  pixels_ = Tensor::from_bytes({count, images.height, images.width, images.channels}, DType::u8, images.pixels.data(),
                               backend);
  labels_ =
      Tensor::from<std::int32_t>({count}, std::span(images.labels).first(static_cast<std::size_t>(count)), backend);
  table_ = Tensor::from({images.channels, kPixelLevels}, table, backend);
}

ImageSource ResidentImages::source() const {
  return {.images = pixels_.view(), .labels = labels_.view(), .order = {}, .table = table_.view()};
}

Shape ResidentImages::batch_shape(std::int64_t images) const {
  return {images, pixels_.dim(1), pixels_.dim(2), pixels_.dim(3)};
}

}  // namespace basin
