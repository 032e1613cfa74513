import AutoRound
import Checkpoints
import Compute
import Evaluation
import Foundation
import JSONText
import LanguageModels
import Quantization
import Tensors
import TestSupport
import Testing

/// Checkpoints that the reference wrote: read back to its logits, and planned with its names and types.
@Suite struct FormatOracleTests {
  static let formats = ["w4a16", "w4a16_asym", "w3a16", "w2a16", "w8a16", "mixed_w2_w4"]

  private func folder(_ format: String) -> URL {
    Fixtures.folder.appending(path: "formats/\(format)")
  }

  @Test(arguments: formats)
  func readBackToTheLogitsOfTheReference(format: String) throws {
    let model = try ReadableModel(opening: folder(format))
    let expected = try SafetensorsFile(
      opening: folder(format).appending(path: "expected.safetensors"))
    let ids = try expected.tensor("input_ids")
    let flat = ids.elements(as: Int32.self).map { Int($0) }
    let tokens = ids.shape[1]
    let windows = (0..<ids.shape[0]).map { Array(flat[$0 * tokens..<($0 + 1) * tokens]) }
    let device = try Device(compute: .float32)
    let hidden = try HiddenStateStream(model: model, device: device)
      .lastHiddenStates(of: windows) { _, _ in }
    let head = try model.description.outputProjection(from: model.source, device: device)
    var logits: [Float] = []
    for window in windows.indices {
      let rows = try head.logits(of: hidden[window], rows: tokens)
      logits += UnsafeBufferPointer(start: rows, count: tokens * head.vocabularySize)
    }
    let oracle = try expected.tensor("logits")
    expectClose(Tensor(logits, shape: oracle.shape), oracle, Tolerance(absolute: 1e-4))
  }

  /// The model behind the fixture is not stored; its names and shapes are what the quantized one gives back.
  @Test(arguments: formats)
  func aCopyHasTheTensorsAndTheConfigurationOfTheReference(format: String) throws {
    let quantized = try ReadableModel(opening: folder(format))
    try withTemporaryFolder { temporary in
      let dense = temporary.appending(path: "dense")
      try writeDense(quantized, to: dense)
      let source = try SourceModel(opening: dense)
      let recipe = try Recipe(contentsOf: folder(format).appending(path: "recipe.yaml"))
      let options = try ResolvedOptions(recipe: recipe.autoRoundOptions())
      let schemes = try SchemeResolution.resolve(
        groups: options.groups.map { ($0.name, $0.scheme) }, ignore: options.ignore,
        modules: source.description.modules
      ).schemes
      let copy = try QuantizedCopy(of: source, schemes: schemes)
      let reference = quantized.checkpoint
      #expect(Set(copy.tensors.map(\.name)) == Set(reference.tensorNames))
      for tensor in copy.tensors { #expect(reference.info(tensor.name) == tensor) }
      #expect(
        copy.configuration["quantization_config"]
          == reference.configuration["quantization_config"])
    }
  }

  private func writeDense(_ model: ReadableModel, to folder: URL) throws {
    let description = model.description
    var shapes = [
      (description.embedding, [description.vocabularySize, description.hiddenSize]),
      (description.norm, [description.hiddenSize]),
      (description.head, [description.vocabularySize, description.hiddenSize]),
    ]
    for placed in description.blocks {
      shapes += placed.block.parameterParts.map { ("\(placed.name).\($0.name)", $0.shape) }
    }
    let writer = try CheckpointWriter(
      output: folder,
      tensors: shapes.map { TensorInfo(name: $0.0, dtype: .bfloat16, shape: $0.1) },
      sources: [], overwrite: false)
    for (name, shape) in shapes {
      let tensor = try model.source.tensor(name, shape: shape)
      try writer.write(tensor.converted(to: .bfloat16), named: name)
    }
    let configuration = model.checkpoint.configuration.removing("quantization_config")
    try writer.write(configuration.text(), toFile: "config.json")
    try writer.finish()
  }
}
