/// Whether a program that serves models has what a checkpoint needs.
public struct RuntimeSupport: Sendable, Equatable {
  /// The program's name.
  public var name: String
  /// Whether it loads the checkpoint.
  public var isLoading: Bool
  /// On what condition, or why not; empty where there is nothing to say.
  public var remark: String
}

/// The programs that people serve compressed-tensors checkpoints with.
enum Runtime: String, CaseIterable {
  case transformers, vLLM
}

extension QuantizationDescription {
  /// Whether the programs load the checkpoint.
  ///
  /// What vLLM has kernels for stands in its `compressed_tensors.py`, in the choice of a scheme from
  /// its parts.
  ///
  /// - Parameter refusals: Why a program does not load it, as far as the contracts found.
  func runtimes(refusals: [Runtime: [String]]) -> [RuntimeSupport] {
    let kernels = schemes.map(\.kernels)
    return Runtime.allCases.map { runtime in
      let isVLLM = runtime == .vLLM
      let missing =
        (isVLLM ? kernels.filter { !$0.isThere }.map(\.remark) : []) + (refusals[runtime] ?? [])
      let conditions =
        isVLLM
        ? kernels.filter { !$0.remark.isEmpty }.map(\.remark)
        : ["with the package compressed-tensors"]
      return RuntimeSupport(
        name: runtime.rawValue, isLoading: missing.isEmpty,
        remark: Self.text(missing.isEmpty ? conditions : missing))
    }
  }

  /// A few different remarks.
  private static func text(_ remarks: [String]) -> String {
    var seen: Set<String> = []
    let different = remarks.filter { seen.insert($0).inserted }
    return different.prefix(3).joined(separator: "; ")
      + (different.count > 3 ? "; and \(different.count - 3) more reasons" : "")
  }
}

extension LayerScheme {
  /// Whether vLLM has kernels for layers like these.
  fileprivate var kernels: (isThere: Bool, remark: String) {
    switch format {
    case "pack-quantized": return packedKernels
    case "int-quantized", "naive-quantized", "float-quantized":
      return type == "int" ? integerKernels : floatKernels
    case "nvfp4-pack-quantized":
      return (true, inputs == nil ? "" : "with 4-bit products on GPUs of the Blackwell generation")
    default: return (true, "in versions that know \(bits == 4 ? "MXFP4" : "MXFP8")")
    }
  }

  private var isByRow: Bool { strategy == "channel" || strategy == "group" }

  private var packedKernels: (isThere: Bool, remark: String) {
    guard isByRow else { return (false, "it has no kernels for one scale for a whole tensor") }
    let newKernels =
      "on NVIDIA GPUs from the Turing generation (SM75) on, in versions from \(isSymmetric ? "July 2026" : "0.30") on"
    guard let inputs else {
      guard bits == 4 || bits == 8 else { return (true, newKernels) }
      let hasKnownGroups = strategy == "channel" || [32, 64, 128].contains(groupSize ?? 0)
      return (true, hasKnownGroups ? "" : "its fast kernels have groups of 32, 64 or 128")
    }
    if inputs.type == "int" {
      guard inputs.bits == 8 || inputs.bits == 4, inputs.moment == .inference, inputs.isSymmetric,
        ["token", "group"].contains(inputs.strategy)
      else { return (false, "it has no kernels for packed integers with such inputs") }
      return (true, newKernels)
    }
    guard bits == 4, strategy == "group", isSymmetric, inputs.strategy == "token", inputs.bits == 8
    else { return (false, "it has no kernels for packed integers with such inputs") }
    return (true, "on GPUs of the Hopper generation")
  }

  private var integerKernels: (isThere: Bool, remark: String) {
    guard let inputs else {
      return (
        false,
        "it has no kernels for integers in bytes without quantized inputs; "
          + Self.packing
      )
    }
    guard inputs.type == "int" else {
      return (
        false,
        "it has no kernels for integers in bytes with floats as inputs; "
          + Self.packing
      )
    }
    let hasScales = ["tensor", "token"].contains(inputs.strategy)
    if inputs.bits == 8, isSymmetric, hasScales {
      if bits == 8, strategy == "channel" || strategy == "tensor" { return (true, "") }
      if bits == 4, isByRow, inputs.strategy == "token" {
        return (
          true,
          "on Arm processors; for NVIDIA GPUs, \(Self.packing)"
        )
      }
    }
    return (
      false,
      "it has no kernels for \(bits)-bit integers in bytes with \(inputs.bits)-bit inputs; "
        + Self.packing
    )
  }

  /// What makes other kernels fit.
  private static let packing = "autoround convert --format pack-quantized packs them"

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
