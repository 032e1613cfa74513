import Checkpoints
import Diagnostics
import Execution
import Foundation
import GGUF
import GGUFModels
import JSONText
import LanguageModels
import Quantization
import QuantizedCheckpoints
import Tensors

/// A model as one file that llama.cpp runs: metadata, tokenizer and tensors.
///
/// Layers that are quantized in the source keep their integers and scales where the type of the file holds them: q4_0,
/// q5_0 and q8_0 do, for groups of 32 or more. All else is rounded to the types that llama-quantize chooses.
struct GGUFCopy: OutputCopy {
  let format: ConversionFormat
  let plan: CheckpointPlan
  let bitsPerWeight: Double
  let remarks: [String]
  var layerCount: Int { tuned.count }

  private let outline: GGUFModelOutline
  private let types: [String: GGUFTensorType]
  private let checkpoint: Checkpoint
  /// Weights as numbers, one for each linear layer.
  private let source: LayerwiseSource
  /// The source, if it is quantized.
  private let quantized: DequantizedCheckpoint?
  /// Tensors of the file whose layers keep their integers.
  private let tuned: Set<String>

  /// - Parameters:
  ///   - mayRoundAgain: Whether layers that are quantized in another way than the file holds are rounded once more.
  /// - Throws: `unsupported` for a model that llama.cpp does not have, a tokenizer that GGUF does not have, and layers
  ///   that would have to be rounded again.
  init(of folder: URL, as fileType: GGUFFileType, mayRoundAgain: Bool) throws {
    format = .gguf(fileType)
    let file = folder.appending(path: "config.json").path(percentEncoded: false)
    let model = try ReadableModel(opening: folder, quantizesActivations: false)
    try naming(file) { try GGUFModelOutline.requireKnown(model.checkpoint.configuration) }
    let checkpoint = model.checkpoint
    self.checkpoint = checkpoint
    let quantized = model.source as? DequantizedCheckpoint
    self.quantized = quantized
    let layers = model.description.layerTensors(in: model.source)
    source = LayerwiseSource(model.source, layers: layers)
    let plain =
      try quantized.map { try ConvertedCopy.plainTensors(of: $0, isDense: true).tensors }
      ?? checkpoint.tensorNames.compactMap(checkpoint.info)
    let dtypes = Dictionary(plain.map { ($0.name, $0.dtype) }, uniquingKeysWith: { $1 })
    let name = folder.standardizedFileURL.lastPathComponent
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

    let mix = GGUFMix(fileType, model: outline.model)
    var types = mix.types(outline.tensors.map { ($0.name, $0.shape) })
    var tuned: Set<String> = []
    var (weightCount, byteCount) = (0, 0)
    for tensor in outline.tensors {
      if tensor.isAlwaysFloat32 { types[tensor.name] = .f32 }
      let dtype = tensor.sources.first.flatMap { dtypes[$0] }
      let type = types[tensor.name] ?? dtype.flatMap { GGUFTensorType($0) } ?? .f32
      types[tensor.name] = type
      let own = tensor.layers.filter { quantized?.schemes[$0]?.weights != nil }
      guard !own.isEmpty, let quantized else { continue }
      if own.count == tensor.sources.count, tensor.columns == .asStored,
        try Self.holds(fileType, own, quantized)
      {
        types[tensor.name] = fileType.usualType
        tuned.insert(tensor.name)
        let info = GGUFTensorInfo(
          name: tensor.name, type: fileType.usualType, shape: tensor.shape)
        weightCount += tensor.shape.reduce(1, *)
        byteCount += info.byteCount
      } else if !type.isPlain, !mayRoundAgain {
        throw InputError(
          .unsupported, source: folder.path(percentEncoded: false), place: own[0],
          "is \(quantized.schemes[own[0]]?.weights?.summary ?? "quantized"), which \(type.name) does not hold as it is; "
            + "\(OptionName.requantize) rounds it again")
      }
    }
    (self.types, self.tuned) = (types, tuned)
    bitsPerWeight = Double(8 * byteCount) / Double(max(1, weightCount))
    var metadata = outline.metadata
    metadata[GGUFFileType.key] = .uint32(fileType.rawValue)
    let known = types
    let header = try GGUFHeader(
      layingOut: outline.tensors.map {
        GGUFTensorInfo(name: $0.name, type: known[$0.name] ?? .f32, shape: $0.shape)
      }, metadata: metadata)
    plan = CheckpointPlan(
      header.shard(fileName: "\(name)-\(fileType.name.uppercased()).gguf"))
  }

  /// Whether integers of layers are those of a type of file.
  private static func holds(
    _ fileType: GGUFFileType, _ layers: [String], _ quantized: DequantizedCheckpoint
  ) throws(InputError) -> Bool {
    guard case .scaleBlocks(let type) = fileType.usualType.storage, !type.isAsymmetric else {
      return false
    }
    for layer in layers {
      guard let arguments = quantized.schemes[layer]?.weights,
        let least = try? ScaleBlockType.holding(arguments), least.bitCount <= type.bitCount
      else { return false }
    }
    return true
  }

  func write(to writer: CheckpointWriter) throws {
    for tensor in outline.tensors {
      let type = types[tensor.name] ?? .f32
      let names = tensor.sources
      let isStack = names.count > 1
      for (index, name) in (names.isEmpty ? [""] : names).enumerated() {
        let shape = isStack ? Array(tensor.shape.dropFirst()) : tensor.shape
        let stored =
          tuned.contains(tensor.name)
          ? try blocks(of: name, tensor, fileType: type)
          : try rounded(tensor, member: isStack ? name : nil, shape, type)
        try writer.write(
          stored,
          at: isStack
            ? TensorPlace(tensor: tensor.name, index: index)
            : TensorPlace(tensor: tensor.name))
        checkpoint.releasePages()
      }
    }
  }

  /// The integers and scales of a layer as blocks, its rows in the order of the file.
  private func blocks(
    of weight: String, _ tensor: GGUFTensorOutline, fileType: GGUFTensorType
  ) throws -> Tensor {
    guard let quantized, let layer = ModuleDescription.name(ofWeight: weight),
      case .scaleBlocks(let type) = fileType.storage
    else { preconditionFailure("\(weight) has no integers") }
    return try naming(layer) {
      let bytes = try ScaleBlockWeight(quantized.quantizedWeight(of: layer), type: type).bytes
      guard tensor.rows != .asStored else { return bytes }
      let ordered = tensor.rows.applied(
        to: bytes.elements(as: UInt8.self), perRow: bytes.shape[1])
      return Tensor(bytes: ordered, shape: bytes.shape, dtype: .uint8)
    }
  }

  /// The numbers of a tensor, or of one member of a stack, in a type of the file.
  private func rounded(
    _ tensor: GGUFTensorOutline, member: String?, _ shape: [Int], _ type: GGUFTensorType
  ) throws -> Tensor {
    var single = tensor
    if let member {
      single.content = .tensors([member], shape: shape)
      single.shape = shape
    }
    return try naming(tensor.name) {
      try type.rounded(Tensor(single.numbers(from: source), shape: shape))
    }
  }
}
