import CKernels
package import Diagnostics
import Tensors

extension QuantizationArguments {
  /// Refuses what the integer kernels do not know.
  package func requireIntegerWeights() throws(InputError) {
    guard type == .int, (2...8).contains(bitCount) else {
      throw InputError(
        .unsupported, place: "num_bits", "\(summary) weights are not integers of 2 to 8 bits")
    }
    guard [.tensor, .channel, .group].contains(strategy) else {
      throw InputError(
        .unsupported, place: "strategy",
        "found \(strategy.rawValue), expected tensor, channel or group for integers")
    }
    try requirePlainWeights()
  }

  /// Refuses what weights of no kind have here.
  func requirePlainWeights() throws(InputError) {
    guard dynamic == .none else {
      throw InputError(.unsupported, place: "dynamic", "weights cannot be quantized dynamically")
    }
    try requireOwnOrder()
  }
}

extension DType {
  /// The kernels' name of a type that scales are stored in.
  var kernelScaleType: ck_scale_type {
    switch self {
    case .float32: CK_SCALE_F32
    case .float16: CK_SCALE_F16
    case .bfloat16: CK_SCALE_BF16
    default: preconditionFailure("scales are f32, f16 or bf16, not \(rawValue)")
    }
  }
}
