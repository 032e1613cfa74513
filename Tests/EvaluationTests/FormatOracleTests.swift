import AutoRound
import Checkpoints
import Evaluation
import Foundation
import JSONText
import LanguageModels
import Quantization
import Recordings
import Tensors
import TestSupport
import Testing

/// Checkpoints that the reference wrote: read back to its logits, and planned with its names and types.
@Suite struct FormatOracleTests {
  static let formats = [
    "w4a16", "w4a16_asym", "w3a16", "w2a16", "w8a16", "mixed_w2_w4", "w8a8_int8", "fp8_dynamic",
    "fp8_static", "fp8_block", "mxfp4", "mxfp8", "nvfp4", "w4a16_kv_fp8",
  ]
  /// Of GPTQ, AWQ and auto_round, which are read.
  static let byColumns = [
    "gptq_w4_asym", "awq_w4_asym", "auto_round_w4", "auto_round_w3", "auto_round_w2_asym",
  ]
  /// Of MLX, which is read and written.
  static let byRows = ["mlx_w4_asym", "mlx_lm_mixed"]
  static let quantizingActivations = [
    "w8a8_int8", "fp8_dynamic", "fp8_static", "mxfp4", "mxfp8", "nvfp4", "w4a16_kv_fp8",
  ]

  private func folder(_ format: String) -> URL {
    Fixtures.folder.appending(path: "formats/\(format)")
  }

  @Test(arguments: formats + byColumns + byRows)
  func readBackToTheLogitsOfTheReference(format: String) throws {
    let oracle = try expected(format).tensor("logits")
    let found = try logits(format, windows: 2, quantizesActivations: false)
    expectClose(found, oracle, Tolerance(absolute: 1e-4))
  }

  /// The first sequence with activations, or keys and values, quantized as a runtime does.
  @Test(arguments: quantizingActivations)
  func quantizedActivationsGiveTheLogitsOfTheReference(format: String) throws {
    let oracle = try expected(format).tensor("logits_act_quant_seq0")
    let found = try logits(format, windows: 1, quantizesActivations: true)
    guard format == "w8a8_int8" else {
      return expectClose(found, oracle, Tolerance(absolute: 1e-4))
    }
    // The scale of integers puts a token's largest element, if it is negative, in the middle of -127 and
    // -128: the last bit of a sum decides, and moves what follows by a step. Some tokens never meet that.
    let tokens = 16
    let columns = oracle.count / tokens
    let (rows, wanted) = (found.floats(), oracle.floats())
    let agreeing = (0..<tokens).count { token in
      (token * columns..<(token + 1) * columns).everySatisfies {
        abs(rows[$0] - wanted[$0]) <= 1e-4
      }
    }
    #expect(agreeing >= 4)
    expectClose(found, oracle, Tolerance(absolute: 0.1))
  }

  private func expected(_ format: String) throws -> SafetensorsFile {
    try SafetensorsFile(opening: folder(format).appending(path: "expected.safetensors"))
  }

  private func logits(
    _ format: String, windows count: Int, quantizesActivations: Bool
  ) throws -> Tensor {
    let ids = try expected(format).tensor("input_ids")
    let flat = ids.elements(as: Int32.self).map { Int($0) }
    let tokens = ids.shape[1]
    return try TinyCheckpoint.logits(
      of: folder(format), (0..<count).map { Array(flat[$0 * tokens..<($0 + 1) * tokens]) },
      quantizesActivations: quantizesActivations)
  }

  /// The model behind the fixture is not stored; its names and shapes are what the quantized one gives back.
  @Test(arguments: formats)
  func aCopyHasTheTensorsAndTheConfigurationOfTheReference(format: String) throws {
    let quantized = try ReadableModel(opening: folder(format))
    try withTemporaryFolder { temporary in
      let dense = temporary.appending(path: "dense")
      try TinyCheckpoint.writeDense(quantized, to: dense)
      let source = try SourceModel(opening: dense)
      let recipe = try Recipe(contentsOf: folder(format).appending(path: "recipe.yaml"))
      let options = try ResolvedOptions(recipe: recipe.autoRoundOptions())
      let schemes = try SchemeResolution.resolve(
        groups: options.groups.map { ($0.name, $0.scheme) }, ignore: options.ignore,
        modules: source.description.modules
      ).schemes
      let copy = try QuantizedCopy(
        of: source, schemes: schemes, keyValueScheme: options.keyValueCacheScheme)
      let reference = quantized.checkpoint
      // One that the reference leaves behind by mistake.
      let names = reference.tensorNames.filter { !$0.hasSuffix(".act_max_scale") }
      #expect(Set(copy.tensors.map(\.name)) == Set(names))
      for tensor in copy.tensors { #expect(reference.info(tensor.name) == tensor) }
      #expect(
        copy.configuration["quantization_config"]
          == reference.configuration["quantization_config"])
    }
  }
}
