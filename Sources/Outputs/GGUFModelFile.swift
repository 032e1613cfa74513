import Checkpoints
import Diagnostics
import Execution
import Foundation
import GGUF
import GGUFModels
import LanguageModels
import QuantizedCheckpoints
import Tensors

/// A model as it will be in a file of llama.cpp, whatever the types of its tensors.
package struct GGUFModelFile {
  let folder: URL
  let model: ReadableModel
  /// The source, if it is quantized.
  let quantized: DequantizedCheckpoint?
  /// Weights as numbers, one for each linear layer.
  let source: LayerwiseSource
  let outline: GGUFModelOutline
  let remarks: [String]
  /// The types of the tensors in full precision, by the names of the source.
  private let dtypes: [String: DType]

  /// What the model is called.
  let name: String

  /// - Throws: `unsupported` for a model that llama.cpp does not have, and for a tokenizer that GGUF does not have.
  init(opening folder: URL) throws {
    let name = folder.standardizedFileURL.lastPathComponent
    (self.folder, self.name) = (folder, name)
    let model = try ReadableModel(opening: folder, quantizesActivations: false)
    let file = model.checkpoint.configurationFile.path(percentEncoded: false)
    try naming(file) { try GGUFModelOutline.requireKnown(model.checkpoint.configuration) }
    let checkpoint = model.checkpoint
    self.model = model
    let quantized = model.source as? DequantizedCheckpoint
    self.quantized = quantized
    let layers = model.description.layerTensors(in: model.source)
    source = LayerwiseSource(model.source, layers: layers)
    let plain =
      try quantized.map { try $0.plainTensors(isDense: true).tensors.map(\.info) }
      ?? checkpoint.tensorNames.compactMap(checkpoint.info)
    var dtypes = Dictionary(plain.map { ($0.name, $0.dtype) }, uniquingKeysWith: { $1 })
    for layer in layers where dtypes[layer.name] == nil {
      dtypes[layer.name] = dtypes[layer.stored.tensor]
    }
    self.dtypes = dtypes
    let tokenizer = try GGUFTokenizer(
      folder: folder, configuration: checkpoint.configuration,
      rows: model.description.vocabularySize)
    outline = try naming(file) {
      try GGUFModelOutline(
        of: CheckpointFamilies.plain(checkpoint.configuration), tensors: plain, name: name,
        tokenizer: tokenizer)
    }
    remarks =
      outline.remarks + tokenizer.remarks
      + (outline.leftOut.isEmpty
        ? []
        : [enumerated(outline.leftOut, "tensor") + ", which llama.cpp does not have: left out"])
  }

  /// The type of each tensor in a mix, by its name in the file.
  func types(_ fileType: GGUFFileType) -> [String: GGUFTensorType] {
    var types = GGUFMix(fileType, model: outline.model)
      .types(outline.tensors.map { ($0.name, $0.shape) })
    for tensor in outline.tensors {
      if tensor.isAlwaysFloat32 { types[tensor.name] = .f32 }
      types[tensor.name] = types[tensor.name] ?? plainType(of: tensor)
    }
    return types
  }

  /// The type that the source has a tensor in.
  func plainType(of tensor: GGUFTensorOutline) -> GGUFTensorType {
    dtype(of: tensor).flatMap { GGUFTensorType($0) } ?? .f32
  }

  func dtype(of tensor: GGUFTensorOutline) -> DType? {
    tensor.sources.first.flatMap { dtypes[$0] }
  }
}
