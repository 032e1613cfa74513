/// Whether a program that serves models has what a checkpoint needs.
public struct RuntimeSupport: Sendable, Equatable {
  /// The program's name.
  public var name: String
  /// Whether it loads the checkpoint.
  public var isLoading: Bool
  /// On what condition, or why not; empty where there is nothing to say.
  public var remark: String
}

extension QuantizationDescription {
  /// The programs that people serve compressed-tensors checkpoints with.
  ///
  /// What vLLM has kernels for stands in its `compressed_tensors.py`, in the choice of a scheme from
  /// its parts.
  var runtimes: [RuntimeSupport] {
    let kernels = schemes.map(\.kernels)
    let missing = kernels.filter { !$0.isThere }.map(\.remark)
    let conditions = kernels.filter { $0.isThere && !$0.remark.isEmpty }.map(\.remark)
    func text(_ remarks: [String]) -> String {
      var seen: Set<String> = []
      return remarks.filter { seen.insert($0).inserted }.joined(separator: "; ")
    }
    return [
      RuntimeSupport(
        name: "transformers", isLoading: true, remark: "with the package compressed-tensors"),
      RuntimeSupport(
        name: "vLLM", isLoading: missing.isEmpty,
        remark: text(missing.isEmpty ? conditions : missing)),
    ]
  }
}

extension LayerScheme {
  /// Whether vLLM has kernels for layers like these.
  fileprivate var kernels: (isThere: Bool, remark: String) {
    let isByRow = strategy == "channel" || strategy == "group"
    switch format {
    case "pack-quantized" where inputs == nil:
      guard bits == 4 || bits == 8 else {
        return (false, "it has no kernels for integers of \(bits) bits")
      }
      guard isByRow else { return (false, "it has no kernels for one scale for a whole tensor") }
      let hasKnownGroups = strategy == "channel" || [32, 64, 128].contains(groupSize ?? 0)
      return (true, hasKnownGroups ? "" : "its fast kernels have groups of 32, 64 or 128")
    case "pack-quantized":
      guard bits == 4, strategy == "group", isSymmetric, inputs?.strategy == "token",
        inputs?.bits == 8, inputs?.type == "float"
      else { return (false, "it has no kernels for packed integers with such inputs") }
      return (true, "on GPUs of the Hopper generation")
    case "int-quantized", "naive-quantized", "float-quantized":
      return type == "int" ? integerKernels(isByRow) : floatKernels
    case "nvfp4-pack-quantized":
      return (true, inputs == nil ? "" : "with 4-bit products on GPUs of the Blackwell generation")
    default: return (true, "in versions that know \(bits == 4 ? "MXFP4" : "MXFP8")")
    }
  }

  private func integerKernels(_ isByRow: Bool) -> (isThere: Bool, remark: String) {
    guard let inputs, inputs.bits == 8, inputs.type == "int", isSymmetric else {
      return (false, "it has no kernels for integers stored like this without 8-bit inputs")
    }
    if bits == 8, strategy == "channel" || strategy == "tensor" { return (true, "") }
    if bits == 4, isByRow, inputs.strategy == "token" { return (true, "on Arm processors only") }
    return (false, "it has no kernels for integers of \(bits) bits with 8-bit inputs")
  }

  private var floatKernels: (isThere: Bool, remark: String) {
    guard ["tensor", "channel", "block"].contains(strategy) else {
      return (false, "it has no kernels for FP8 weights in groups")
    }
    if let inputs, inputs.moment == .calibration, inputs.strategy != "tensor" {
      return (false, "it has no kernels for such FP8 inputs")
    }
    return (true, inputs == nil ? "" : "with 8-bit products on GPUs that have them")
  }
}
