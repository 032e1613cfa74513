/// What is known of a program that serves models: a row of ``table``.
struct RuntimeFact: Sendable {
  let runtime: Runtime
  /// Whether the program loads the layers that this is about.
  let isLoading: Bool
  /// On what condition, or why not; `BITS` and `INPUTS` stand for those of the layer.
  private(set) var remark: String
  /// Where it stands, and when that was read.
  let source: String
  private let isAbout: @Sendable (LayerScheme) -> Bool

  /// The first fact of the table that is about layers of a scheme.
  static func first(of runtime: Runtime, about scheme: LayerScheme) -> RuntimeFact? {
    var fact = table.first { $0.runtime == runtime && $0.isAbout(scheme) }
    fact?.remark.replace("BITS", with: "\(scheme.bitCount)")
    fact?.remark.replace("INPUTS", with: "\(scheme.inputs?.bitCount ?? 16)")
    return fact
  }

  private init(
    _ runtime: Runtime, _ isLoading: Bool, _ remark: String, _ source: String,
    _ isAbout: @escaping @Sendable (LayerScheme) -> Bool
  ) {
    (self.runtime, self.isLoading, self.remark) = (runtime, isLoading, remark)
    (self.source, self.isAbout) = (source, isAbout)
  }

  /// All facts. Of those about a layer, the first one counts.
  static let table: [RuntimeFact] = [
    .init(.transformers, true, "with the package compressed-tensors", readers) {
      $0.format.columns == nil
    },
    .init(.transformers, true, "with the package auto-round", columns) {
      $0.format.name.hasPrefix("auto_round")
    },
    .init(.transformers, true, "with the package gptqmodel", columns) { _ in true },

    // Integers by columns.
    .init(
      .vLLM, false,
      "it does not know the packing auto_round, that of asymmetric integers of other bits than 4",
      inc
    ) { $0.format.name == "auto_round" },
    .init(.vLLM, true, "", inc) {
      $0.isByColumns
        && ($0.fitsMarlin || $0.format.columns?.isInterleaved == true && $0.hasFastGroups)
    },
    .init(.vLLM, true, "with activations in f16 (--dtype half)", columns) {
      $0.format.columns?.isInterleaved == true
    },
    .init(.vLLM, true, "\(turing) 0.32 on", inc) {
      $0.format.name.hasPrefix("auto_round") && ![4, 8].contains($0.bitCount)
    },
    .init(
      .vLLM, false,
      "of integers in the order of GPTQ it has symmetric ones of 4 and 8 bits, in rows or groups of 32, 64 or 128",
      gptq
    ) { $0.isByColumns },

    // Packed integers.
    .init(.vLLM, false, "it has no kernels for one scale for a whole tensor", choice) {
      $0.isPacked && !$0.isByRow
    },
    // Marlin kernels.
    .init(.vLLM, true, "", choice) {
      $0.isPacked && $0.inputs == nil && [4, 8].contains($0.bitCount)
        && ($0.strategy == "channel" || [32, 64, 128].contains($0.groupSize ?? 0))
    },
    .init(.vLLM, true, "its fast kernels have groups of 32, 64 or 128", choice) {
      $0.isPacked && $0.inputs == nil && [4, 8].contains($0.bitCount)
    },
    // Humming kernels, for the other bits and for integers as inputs.
    .init(.vLLM, true, "\(turing) July 2026 on", humming) {
      $0.isPacked && $0.hasHummingInputs && $0.isSymmetric
    },
    .init(.vLLM, true, "\(turing) 0.30 on", asymmetric) { $0.isPacked && $0.hasHummingInputs },
    .init(.vLLM, true, "on GPUs of the Hopper generation", choice) {
      $0.isPacked && $0.bitCount == 4 && $0.strategy == "group" && $0.isSymmetric
        && $0.inputs?.type == "float" && $0.inputs?.strategy == "token" && $0.inputs?.bitCount == 8
    },
    .init(.vLLM, false, "it has no kernels for packed integers with such inputs", choice) {
      $0.isPacked
    },

    // Integers in bytes.
    .init(
      .vLLM, false, "it has no kernels for integers in bytes without quantized inputs; \(packing)",
      choice
    ) { $0.isInBytes("int") && $0.inputs == nil },
    .init(
      .vLLM, false, "it has no kernels for integers in bytes with floats as inputs; \(packing)",
      choice
    ) { $0.isInBytes("int") && $0.inputs?.type != "int" },
    .init(.vLLM, true, "", choice) {
      $0.isInBytes("int") && $0.hasByteInputs(["tensor", "token"]) && $0.bitCount == 8
        && ["channel", "tensor"].contains($0.strategy)
    },
    .init(.vLLM, true, "on Arm processors; on NVIDIA GPUs, \(packing)", choice) {
      $0.isInBytes("int") && $0.hasByteInputs(["token"]) && $0.bitCount == 4 && $0.isByRow
    },
    .init(
      .vLLM, false,
      "it has no kernels for BITS-bit integers in bytes with INPUTS-bit inputs; \(packing)", choice
    ) { $0.isInBytes("int") },

    // Floats.
    .init(.vLLM, false, "it has no kernels for FP8 weights in groups", choice) {
      $0.isInBytes("float") && !["tensor", "channel", "block"].contains($0.strategy)
    },
    .init(.vLLM, false, "it has no kernels for such FP8 inputs", choice) {
      $0.isInBytes("float") && $0.inputs?.moment == .calibration && $0.inputs?.strategy != "tensor"
    },
    .init(.vLLM, true, "with 8-bit products on GPUs that have them", choice) {
      $0.isInBytes("float") && $0.inputs != nil
    },
    .init(.vLLM, true, "", choice) { $0.isInBytes("float") },
    .init(.vLLM, true, "with 4-bit products on GPUs of the Blackwell generation", choice) {
      $0.format.scales == .relative && $0.inputs != nil
    },
    .init(.vLLM, true, "", choice) { $0.format.scales == .relative },
    .init(.vLLM, true, "in versions that know MXFP4", choice) {
      $0.format.scales == .exponents && $0.bitCount == 4
    },
    .init(.vLLM, true, "in versions that know MXFP8", choice) {
      $0.format.scales == .exponents
    },
  ]

  private static let turing =
    "on NVIDIA GPUs from the Turing generation (SM75) on, in versions from"
  /// What makes other kernels fit.
  private static let packing = "it loads them in the format pack-quantized"

  private static let columns =
    "vLLM 0.32, auto_awq.py, read; gptqmodel 7.7 and auto-round 0.16, tried on processors; 2026-11"
  private static let inc = "vLLM 0.32, inc; read, not tried; 2026-11"
  private static let gptq = "vLLM 0.32, auto_gptq.py; read, not tried; 2026-11"
  private static let choice = "vLLM, compressed_tensors.py, the choice of a scheme; 2026-11"
  private static let humming = "vllm-project/vllm#46389; 2026-11"
  private static let asymmetric = "vllm-project/vllm#46528, change notes of 0.30; 2026-11"
  private static let readers = "transformers 5.17 with compressed-tensors 0.19, tried; 2026-11"
}

extension LayerScheme {
  fileprivate var isByColumns: Bool { format.columns != nil }

  fileprivate var isPacked: Bool { format.elements is PackedIntegers }

  fileprivate var isByRow: Bool { strategy == "channel" || strategy == "group" }

  fileprivate func isInBytes(_ type: String) -> Bool {
    format.elements is ByteElements && format.scales == .floats && self.type == type
  }

  /// None, or integers of 4 or 8 bits whose scales are found while the model runs.
  fileprivate var hasHummingInputs: Bool {
    guard let inputs else { return true }
    return inputs.type == "int" && [4, 8].contains(inputs.bitCount) && inputs.moment == .inference
      && inputs.isSymmetric && ["token", "group"].contains(inputs.strategy)
  }

  /// Beside symmetric weights, integers of 8 bits with one of these scales.
  fileprivate func hasByteInputs(_ strategies: [String]) -> Bool {
    inputs?.type == "int" && inputs?.bitCount == 8 && isSymmetric
      && strategies.contains(inputs?.strategy ?? "")
  }
}
