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
  /// The layers of the source that are quantized; nil where none is.
  let layers: (any StoredLayers)?
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
    try self.init(of: Checkpoint.model(opening: folder), in: folder)
  }

  /// The same of a checkpoint that was opened there.
  init(of checkpoint: Checkpoint, in folder: URL) throws {
    let model = try ReadableModel(checkpoint, quantizesActivations: false)
    let opened = (model.checkpoint.made as? GGUFTensors)?.file
    let name = opened.map(Self.name) ?? folder.standardizedFileURL.lastPathComponent
    (self.folder, self.name) = (folder, name)
    let file = model.checkpoint.configurationFile.path(percentEncoded: false)
    try naming(file) { try GGUFModelOutline.requireKnown(model.checkpoint.configuration) }
    self.model = model
    let quantized = model.source as? DequantizedCheckpoint
    if let file = checkpoint.made as? GGUFTensors {
      self.layers = FileLayers(of: checkpoint, file, asBlocks: true)
    } else {
      self.layers = quantized
    }
    let layers = model.description.layerTensors(in: model.source)
    source = LayerwiseSource(model.source, layers: layers)
    let plain = try model.plainTensors
    var dtypes = Dictionary(plain.map { ($0.name, $0.dtype) }, uniquingKeysWith: { $1 })
    for layer in layers where dtypes[layer.name] == nil {
      dtypes[layer.name] = dtypes[layer.stored.tensor]
    }
    self.dtypes = dtypes
    let rows = model.description.vocabularySize
    let tokenizer =
      try opened.map { GGUFTokenizer(of: $0.metadata, rows: rows) }
      ?? GGUFTokenizer(folder: folder, configuration: checkpoint.configuration, rows: rows)
    outline = try model.fileOutline(name: name, tokenizer: tokenizer)
    remarks =
      outline.remarks + tokenizer.remarks
      + (outline.leftOut.isEmpty
        ? []
        : [enumerated(outline.leftOut, "tensor") + ", which llama.cpp does not have: left out"])
  }

  /// What a file is called, without the type that such names end with.
  private static func name(of file: GGUFFile) -> String {
    let name = file.url.deletingPathExtension().lastPathComponent
    let type = GGUFFileType.allCases.map { "-\($0.name)" }.first {
      name.lowercased().hasSuffix($0) && name.utf8.count > $0.utf8.count
    }
    return String(name.dropLast(type?.count ?? 0))
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
