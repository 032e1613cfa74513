import AutoRound
import Checkpoints
import Diagnostics
import Foundation
import JSONText
import Tensors
import TestSupport
import Testing

/// Weights of a type that nothing can be quantized from.
@Suite struct SourceTypesTests {
  private let model = Fixtures.folder.appending(path: "models/llama")

  /// The model with one matrix in f64.
  private func doubles(in folder: URL, unknown: Bool = false) throws -> URL {
    let source = try Checkpoint(opening: model)
    let wide = "model.layers.0.mlp.up_proj.weight"
    func dtype(_ info: TensorInfo) -> DType { info.name == wide ? .float64 : info.dtype }
    let infos = source.tensorNames.compactMap { source.info($0) }.map {
      TensorInfo(name: $0.name, dtype: dtype($0), shape: $0.shape)
    }
    let output = folder.appending(path: "wide")
    let writer = try CheckpointWriter(output: output, tensors: infos, sources: [], overwrite: false)
    for info in infos {
      let tensor = try source.tensor(info.name)
      try writer.write(
        tensor.dtype == info.dtype ? tensor : tensor.converted(to: info.dtype), named: info.name)
    }
    var configuration = source.configuration
    if unknown { configuration.set("model_type", "something-new") }
    try writer.write(configuration.text(), toFile: "config.json")
    try writer.finish()
    return output
  }

  @Test(arguments: ["W4A16", "W3A8", "W8A8", "FP8_DYNAMIC", "FP8_BLOCK", "MXFP4A16", "NVFP4A16"])
  func doublesAreRefused(scheme: String) throws {
    try withTemporaryFolder { folder in
      let words = ["model.layers.0.mlp.up_proj.weight", "f64", "expected bf16, f16, f32"]
      let wide = try doubles(in: folder, unknown: scheme == "W8A8")
      // The groups of 128 are wider than the model's rows, which are then left as they are.
      let hasGroups = ["W4A16", "W3A8"].contains(scheme)
      for isModelFree in scheme == "W8A8" ? [true] : hasGroups ? [false] : [true, false] {
        expectInputError(.unsupported, mentioning: words) {
          try oneshot(
            model: wide,
            recipe: Recipe("AutoRoundModifier: {scheme: \(scheme), ignore: [lm_head]}"),
            overrides: OptionOverrides {
              $0.iterations = 0
              $0.sampleCount = 1
              $0.sequenceLength = 8
              $0.isModelFree = isModelFree
            },
            output: folder.appending(path: "out"))
        }
      }
      #expect(try names(in: folder) == ["wide"])
    }
  }
}
