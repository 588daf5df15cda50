// Which of two implementations is the faster, by measurement on this device.
#pragma once
#include <functional>
#include <map>

#include "cuda/native/libraries/cudnn.h"

namespace basin::cuda {

// Measures with memory and in a stream of its own, so that another stream may capture meanwhile; waits for that stream
// alone. What it finds may differ from run to run, and with it the last bits of the results.
class ConvolutionTimer {
 public:
  ConvolutionTimer();  // for the selected device
  // Measured once a case and remembered. False, too, where cuDNN does not compute the case.
  bool cudnn_is_faster(const ConvolutionCase& convolution);

 private:
  bool measure(const ConvolutionCase& convolution);
  double milliseconds(const std::function<void()>& run) const;  // the least of several

  OwnedStream stream_;
  std::unique_ptr<Contractions> own_;
  std::unique_ptr<Convolutions> cudnn_;
  std::map<ConvolutionCase, bool> known_;
};

}  // namespace basin::cuda
