import Checkpoints
import Diagnostics
import JSONText
import MLX
import Quantization
import QuantizedCheckpoints
import Tensors
import TestSupport
import Testing

/// What a `quantization` says of modules, and what is written of them.
@Suite struct MLXConfigurationTests {
  private func scales(_ module: String, _ shape: [Int] = [8, 2]) -> TensorInfo {
    TensorInfo(name: "\(module).scales", dtype: .bfloat16, shape: shape)
  }

  private func schemes(
    _ text: String, _ tensors: [TensorInfo]
  ) throws -> [String: QuantizationArguments] {
    let fields = JSONReader(try JSONValue.parse(text), path: MLX.key)
    let stored = try MLX().storedSchemes(fields, tensors: tensors)
    return try #require(stored.named).compactMapValues(\.weights)
  }

  private func group(_ bitCount: Int, _ size: Int) -> QuantizationArguments {
    QuantizationArguments(
      bitCount: bitCount, isSymmetric: false, strategy: .group, groupSize: size)
  }

  @Test func entriesAreOfModules() throws {
    let found = try schemes(
      #"{"group_size": 64, "bits": 4, "mode": "affine", "m.q": {"group_size": 32, "bits": 8}, "#
        + #""m.k": {"bits": 6}, "m.v": true, "gone": {"bits": 2}, "lm_head": false}"#,
      ["m.q", "m.k", "m.v", "m.o", "embed"].map { scales($0) }
        + [TensorInfo(name: "lm_head.weight", dtype: .bfloat16, shape: [8, 8])])
    #expect(
      found == [
        "m.q": group(8, 32), "m.k": group(6, 64), "m.v": group(4, 64), "m.o": group(4, 64),
        "embed": group(4, 64),
      ])
  }

  @Test func stacksAreOfExperts() throws {
    let found = try schemes(
      #"{"group_size": 32, "bits": 4, "m.mlp.switch_mlp.up_proj": {"group_size": 32, "bits": 3}}"#,
      [
        scales("m.mlp.switch_mlp.up_proj", [2, 8, 2]),
        scales("m.block_sparse_moe.switch_mlp.down_proj", [2, 8, 2]),
      ])
    #expect(
      found == [
        "m.mlp.experts.0.up_proj": group(3, 32), "m.mlp.experts.1.up_proj": group(3, 32),
        "m.block_sparse_moe.experts.0.w2": group(4, 32),
        "m.block_sparse_moe.experts.1.w2": group(4, 32),
      ])
    for layer in found.keys {
      let place = MLX().place(of: "\(layer).scales")
      let info = TensorInfo(name: place.tensor, dtype: .bfloat16, shape: [2, 8, 2])
      #expect(MLX().owners(of: info).contains(layer) && place.isIn(info))
    }
    // Numbers that no stack has, and what only looks like an expert.
    for name in [
      "m.mlp.experts.01.up_proj.weight", "m.mlp.experts.-1.up_proj.weight",
      "m.mlp.shared_experts.up_proj.weight", "experts.1.up_proj.weight",
    ] {
      #expect(MLX().place(of: name) == TensorPlace(tensor: name))
    }
  }

  @Test(arguments: [
    (#"{"group_size": 64, "bits": 7}"#, "quantization.bits", InputError.Code.unsupported),
    (#"{"group_size": 64, "bits": "4"}"#, "quantization.bits", .invalidValue),
    (#"{"group_size": 16, "bits": 4}"#, "quantization.group_size", .unsupported),
    (#"{"group_size": 32, "bits": 4, "mode": "mxfp4"}"#, "quantization.mode", .unsupported),
    (#"{"group_size": 32, "bits": 4, "a": {"bits": 1}}"#, "quantization.a.bits", .unsupported),
    (
      #"{"group_size": 32, "bits": 4, "a": {"bits": 8, "mode": "mxfp8"}}"#, "quantization.a.mode",
      .unsupported
    ),
    (#"{"group_size": 32, "bits": 4, "a": false}"#, "quantization.a", .malformed),
  ])
  func badConfigurationsAreRefused(text: String, place: String, code: InputError.Code) throws {
    let error = #expect(throws: InputError.self) { try schemes(text, [scales("a")]) }
    #expect(error?.place == place && error?.code == code, "\(String(describing: error))")
  }

  @Test func schemesThatItDoesNotHoldAreRefused() throws {
    func scheme(_ weights: QuantizationArguments, inputs: QuantizationArguments? = nil)
      -> QuantizationScheme
    {
      QuantizationScheme(targets: ["Linear"], weights: weights, inputActivations: inputs)
    }
    let refused: [(QuantizationScheme, String)] = [
      (scheme(group(7, 32)), "a.bits"), (scheme(group(1, 32)), "a.bits"),
      (scheme(group(4, 16)), "a.group_size"),
      (scheme(QuantizationArguments(bitCount: 4, strategy: .channel)), "a.group_size"),
      (
        scheme(QuantizationArguments(bitCount: 8, type: .float, strategy: .channel)), "a.bits"
      ),
      (
        scheme(
          group(8, 32),
          inputs: QuantizationArguments(bitCount: 8, strategy: .token, dynamic: .all)),
        "a.input_activations"
      ),
    ]
    for (scheme, place) in refused {
      let error = #expect(throws: InputError.self) { try MLX.family(of: ["a": scheme]) }
      #expect(error?.code == .unsupported && error?.place == place, "\(String(describing: error))")
    }
    let held = [2, 3, 4, 5, 6, 8].flatMap { bitCount in
      [32, 64, 128].map { ("\(bitCount).\($0)", scheme(group(bitCount, $0))) }
    }
    #expect(try MLX.family(of: Dictionary(uniqueKeysWithValues: held)).name == "mlx")
  }
}
