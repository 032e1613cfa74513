import Checkpoints
import Diagnostics
import GPTQ
import JSONText
import LayoutSupport
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing
import Verification

/// What is refused before there is data, and what configurations say of layers that differ.
@Suite struct WritingTests {
  private func scheme(
    _ bitCount: Int, _ size: Int?, isSymmetric: Bool = true
  ) -> QuantizationScheme {
    QuantizationScheme(
      targets: ["Linear"],
      weights: QuantizationArguments(
        bitCount: bitCount, isSymmetric: isSymmetric, strategy: size == nil ? .channel : .group,
        groupSize: size))
  }

  private func outline(
    _ method: GPTQ.Method, _ schemes: [String: QuantizationScheme], kept: [String] = [],
    shape: [Int] = [64, 128], keyValues: KeyValueOutline? = nil
  ) throws -> CheckpointOutline {
    let names = (Array(schemes.keys) + kept).sorted()
    return try GPTQ.family(method, of: schemes).outline(
      of: ["architectures": ["X"], "model_type": "x"],
      tensors: names.map { TensorInfo(name: "\($0).weight", dtype: .bfloat16, shape: shape) },
      modules: names.map { ModuleDescription(name: $0, shape: shape) }, schemes: schemes,
      keyValues: keyValues)
  }

  private func record(_ outline: CheckpointOutline) throws -> JSONValue {
    try #require(outline.configuration["quantization_config"])
  }

  /// Layers read back under the configuration have the schemes that they were written with.
  @Test(arguments: [GPTQ.Method.gptq, .autoRound], [true, false])
  func mixedSchemesComeBack(_ method: GPTQ.Method, _ isSymmetric: Bool) throws {
    var schemes: [String: QuantizationScheme] = [:]
    for block in 0..<3 {
      for layer in ["q_proj", "k_proj", "v_proj"] {
        schemes["model.layers.\(block).self_attn.\(layer)"] = scheme(
          block == 1 ? 8 : 4, block == 1 ? nil : 32, isSymmetric: isSymmetric)
      }
    }
    schemes["model.layers.2.mlp.down_proj"] = scheme(2, 64, isSymmetric: isSymmetric)
    schemes["lm_head"] = scheme(8, 128, isSymmetric: isSymmetric)
    let kept = ["model.layers.0.mlp.down_proj", "model.visual.proj"]
    let outline = try outline(method, schemes, kept: kept)
    let fields = try record(outline)
    // The verifier finds the same schemes for the tensors, and for layers that vLLM runs as one.
    let report = VerificationReport(
      planned: outline.configuration,
      layers: Dictionary(
        uniqueKeysWithValues: (Array(schemes.keys) + kept).map {
          ($0, ([64, 128], schemes[$0] != nil))
        }),
      tensors: outline.tensors.reduce(into: [:]) {
        $0[$1.name] = .init(dtype: $1.dtype.safetensorsTag, shape: $1.shape)
      })
    #expect(report.findings == [], "\(report.findings)")
    #expect(
      report.runtimes.map(\.isLoading) == [true, method == .autoRound && isSymmetric],
      "\(report.runtimes)")
    let reader = JSONReader(fields, path: "quantization_config")
    let stored = try #require(try GPTQ(reader)).storedSchemes(
      reader, tensors: outline.tensors)
    let found = try stored.schemes(
      of: (Array(schemes.keys) + kept).map { ModuleDescription(name: $0, shape: []) })
    #expect(found.compactMapValues(\.weights) == schemes.compactMapValues(\.weights))
    if method == .gptq {
      let dynamic = try #require(fields["dynamic"]?.objectValue)
      // Layers of 2 bits are symmetric ones' usual scheme, because fast kernels of vLLM before 0.32 do not know them.
      let attention = isSymmetric ? [0, 1, 2] : [1]
      let expected =
        ["+:^lm_head$", "-:^model.layers.0.mlp.down_proj$"]
        + (isSymmetric ? [] : ["+:^model.layers.2.mlp.down_proj$"])
        + attention.flatMap { block in
          ["k_proj", "q_proj", "qkv_proj", "v_proj"].map {
            "+:^model.layers.\(block).self_attn.\($0)$"
          }
        }
      #expect(
        dynamic.map(\.key).sorted()
          == expected.map { $0.replacing(".", with: "\\.") }.sorted())
      #expect(fields["bits"] == (isSymmetric ? 2 : 4))
      #expect(fields["lm_head"] == true)
      #expect(fields["checkpoint_format"] == (isSymmetric ? nil : "gptq_v2"))
    } else {
      #expect(fields["extra_config"]?.objectValue?.count == 6)
      #expect(
        fields["extra_config"]?["model.layers.0.mlp.down_proj"]
          == ["bits": 16, "data_type": "float"])
      #expect(
        fields["packing_format"] == (isSymmetric ? "auto_round:auto_gptq" : "auto_round"))
      #expect(fields["block_name_to_quantize"] == "model.layers")
    }
  }

  @Test func keptLayersOfAWQ() throws {
    let fields = try record(
      outline(
        .awq, ["model.layers.0.up": scheme(4, 32)], kept: ["lm_head", "model.layers.0.gate"]))
    #expect(fields["modules_to_not_convert"] == ["lm_head", "model.layers.0.gate"])
    #expect(fields["zero_point"] == true && fields["sym"] == true && fields["lm_head"] == nil)
  }

  @Test(arguments: [
    (GPTQ.Method.gptq, 5, true, 32, "a.bits", "2, 3, 4, 8 bits"),
    (.awq, 8, true, 32, "a.bits", "4 bits"), (.autoRound, 7, false, 32, "a.bits", "2, 3, 4, 8"),
  ])
  func otherIntegersAreRefused(
    _ method: GPTQ.Method, _ bitCount: Int, _ isSymmetric: Bool, _ size: Int, _ place: String,
    _ message: String
  ) throws {
    let error = #expect(throws: InputError.self) {
      try GPTQ.family(method, of: ["a": scheme(bitCount, size, isSymmetric: isSymmetric)])
    }
    #expect(error?.code == .unsupported && error?.place == place)
    #expect(error?.message.contains(message) == true)
  }

  @Test(arguments: GPTQ.Method.allCases) func everythingElseIsRefused(
    _ method: GPTQ.Method
  ) throws {
    let presets = [
      "FP8_DYNAMIC", "FP8_BLOCK", "NVFP4", "MXFP4", "MXFP8", "W8A8", "FP8",
    ]
    for name in presets {
      let error = #expect(throws: InputError.self, "\(name)") {
        try GPTQ.family(method, of: ["a": .preset(named: name)])
      }
      #expect(error?.code == .unsupported && error?.place?.hasPrefix("a.") == true, "\(name)")
    }
    let arguments = QuantizationArguments(bitCount: 8, type: .float, strategy: .tensor)
    let error = #expect(throws: InputError.self) {
      try outline(method, ["a": scheme(4, 32)], keyValues: (arguments, []))
    }
    #expect(error?.place == "kv_cache_scheme")
  }

  @Test func layersOfAWQAreAlike() throws {
    let error = #expect(throws: InputError.self) {
      try GPTQ.family(.awq, of: ["a": scheme(4, 32), "b": scheme(4, 64)])
    }
    #expect(error?.place == "b")
    let other = #expect(throws: InputError.self) {
      try outline(.awq, ["m.gate_proj": scheme(4, 32)], kept: ["m.gate"])
    }
    #expect(other?.place == "m.gate_proj")
  }

  @Test func sizesFillWords() throws {
    for (bitCount, shape, count) in [(4, [60, 128], 8), (3, [32, 48], 32), (2, [8, 128], 16)] {
      let error = #expect(throws: InputError.self) {
        try outline(.gptq, ["a.0.b": scheme(bitCount, nil)], shape: shape)
      }
      #expect(error?.place == "a.0.b" && error?.message.contains("multiple of \(count)") == true)
    }
  }

  /// Numbers that files would change are named, none is changed without a word.
  @Test func numbersThatDoNotFitAreRefused() throws {
    func refusal(
      _ method: GPTQ.Method, _ scales: [Float], zeroPoints: [UInt8]? = nil, dtype: DType
    ) throws -> InputError? {
      let arguments = QuantizationArguments(
        bitCount: 4, isSymmetric: zeroPoints == nil, strategy: .channel)
      let weight = QuantizedWeight(
        arguments: arguments, grouping: try arguments.grouping(rows: scales.count, columns: 8),
        codes: Tensor(zeros: [scales.count, 8], dtype: .uint8), scales: scales,
        zeroPoints: zeroPoints, scaleDType: dtype)
      let fields: JSONValue = ["quant_method": .string(method.rawValue), "bits": 4]
      let encoding = try #require(try GPTQ(JSONReader(fields)))
        .encoding(of: QuantizationScheme(targets: ["Linear"], weights: arguments))
      do throws(InputError) {
        try encoding.requireHolds(weight, name: "a")
        return nil
      } catch { return error }
    }
    // The least number of eight binary digits that f16 has, the greatest, and 1e-5 as bf16 has it.
    let held: [Float] = [0x1.FEp-17, 65280, -0x1p-24, Float(bitPattern: 0x3728_0000)]
    #expect(try refusal(.gptq, held, dtype: .bfloat16) == nil)
    for scale in [0x1.FEp-18, 65536, 0x1p-25] as [Float] {
      let error = try refusal(.awq, [1, scale], dtype: .bfloat16)
      #expect(error?.place == "a.scales" && error?.code == .unsupported, "\(scale)")
    }
    #expect(try refusal(.autoRound, [1e-8, 1e9], dtype: .float32) == nil)
    let zero = try refusal(.gptq, [1, 1], zeroPoints: [1, 0], dtype: .float16)
    #expect(zero?.place == "a.qzeros")
    #expect(try refusal(.awq, [1, 1], zeroPoints: [1, 0], dtype: .float16) == nil)
  }
}
