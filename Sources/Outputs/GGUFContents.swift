import Checkpoints
import Checksums
import Diagnostics
import Execution
import Foundation
import GGUF
import GGUFModels
import LanguageModels
import Quantization
import QuantizedCheckpoints
import Reporting
import Tensors
import Verification
import WeightBlocks

/// A copy as one file that llama.cpp runs: metadata, tokenizer and tensors.
///
/// Layers whose integers and scales the type of a tensor holds keep them. All else is rounded to the types that
/// llama-quantize chooses, but for layers of blocks that a run leaves as they are.
struct GGUFContents: CopyContents {
  /// What is done with layers that are quantized in another way than the file holds.
  enum Treatment {
    /// They are an error; other layers of blocks stay in the type of the source.
    case run
    /// They are an error that offers to round them again.
    case refusal
    /// They are rounded again.
    case rounding
  }

  let plan: CheckpointPlan
  let weightByteCount: Int
  /// Weights of the layers that keep their integers.
  let weightCount: Int
  let file: GGUFModelFile
  let header: GGUFHeader
  /// Layers that are quantized in the source, and otherwise here.
  private(set) var roundedAgain: [String] = []
  /// Tensors of the file whose layers keep their integers.
  let tuned: Set<String>
  private let types: [String: GGUFTensorType]
  /// By the names of the source.
  private let sourceTypes: [String: GGUFTensorType]
  /// Where the weight of each layer of those is.
  private let places: [String: (tensor: GGUFTensorOutline, index: Int?)]

  private var outline: GGUFModelOutline { file.outline }
  /// The layers that keep their integers.
  var layers: [String] { places.keys.sorted() }
  var tensors: [TensorInfo] { header.entries.map(\.info.stored) }
  var documents: [(name: String, text: String)] { [] }
  var takesFiles: Bool { false }
  var remarks: [String] { file.remarks }
  var fileName: String { plan.shards[0].fileName }

  var identity: String {
    SHA256.hexadecimal(of: header.encoded)
  }

  var readers: FormatReaders {
    let name = fileName
    return FormatReaders(name: "gguf", version: "3") {
      ["llama-cli -m \($0)/\(name) -p \"Once upon a time\""]
    }
  }

  /// - Parameter schemes: By layer.
  /// - Throws: `unsupported` for layers that would have to be rounded again.
  init(
    of file: GGUFModelFile, as fileType: GGUFFileType, schemes: [String: QuantizationScheme],
    quantizesKeysAndValues: Bool = false, treatment: Treatment = .run
  ) throws {
    self.file = file
    let path = file.folder.path(percentEncoded: false)
    if treatment == .run {
      try Self.requireWeightsAlone(schemes, quantizesKeysAndValues, path)
    }
    var types = file.types(fileType)
    var tuned: Set<String> = []
    var places: [String: (tensor: GGUFTensorOutline, index: Int?)] = [:]
    var (weightCount, byteCount) = (0, 0)
    for tensor in file.outline.tensors {
      guard let wanted = types[tensor.name] else { continue }
      let own = tensor.layers.filter { schemes[$0]?.weights != nil }
      guard !own.isEmpty else {
        if treatment == .run, tensor.isLayerOfBlock {
          types[tensor.name] = file.plainType(of: tensor)
        }
        continue
      }
      func holdsNumbers(_ type: GGUFTensorType) -> Bool {
        guard treatment != .run, let layers = file.layers else { return false }
        defer { file.model.checkpoint.releasePages() }
        return own.allSatisfy { (try? type.blocks(of: layers.quantizedWeight(of: $0))) != nil }
      }
      if own.count == tensor.sources.count, tensor.columns == .asStored,
        let type = Self.type(
          holding: own.compactMap { schemes[$0]?.weights }, wanted: wanted, fileType, holdsNumbers)
      {
        types[tensor.name] = type
        tuned.insert(tensor.name)
        for (index, layer) in own.enumerated() {
          places[layer] = (tensor, own.count > 1 ? index : nil)
        }
        weightCount += tensor.shape.reduce(1, *)
        byteCount +=
          GGUFTensorInfo(name: tensor.name, type: type, shape: tensor.shape).byteCount
      } else if treatment == .run || treatment == .refusal && !wanted.isPlain {
        throw InputError(
          .unsupported, source: path, place: own[0],
          "is \(schemes[own[0]]?.weights?.text ?? "quantized"), which \(wanted.name) does not hold as it is; "
            + (treatment == .refusal
              ? "\(OptionName.requantize) rounds it again" : Self.advice(schemes[own[0]], fileType))
        )
      } else if !wanted.isPlain {
        roundedAgain += own
      }
    }
    (self.types, self.tuned, self.places) = (types, tuned, places)
    sourceTypes = Dictionary(
      file.outline.tensors.flatMap { tensor in
        tensor.sources.map { ($0, types[tensor.name] ?? .f32) }
      }, uniquingKeysWith: { $1 })
    (self.weightCount, weightByteCount) = (weightCount, byteCount)
    var metadata = file.outline.metadata
    metadata[GGUFFileType.key] = .uint32(fileType.rawValue)
    let known = types
    header = try GGUFHeader(
      layingOut: file.outline.tensors.map {
        GGUFTensorInfo(name: $0.name, type: known[$0.name] ?? .f32, shape: $0.shape)
      }, metadata: metadata)
    plan = CheckpointPlan(
      header.shard(fileName: "\(file.name)-\(fileType.name.uppercased()).gguf"))
  }

  // MARK: Before

  /// The type whose blocks have the integers of layers, if there is one: the one that the mix has, or that of the file.
  ///
  /// - Parameter holdsNumbers: Whether a type with minimums holds those of the layers as well, which schemes do not say.
  private static func type(
    holding layers: [QuantizationArguments], wanted: GGUFTensorType, _ fileType: GGUFFileType,
    _ holdsNumbers: (GGUFTensorType) -> Bool
  ) -> GGUFTensorType? {
    if let blocks = layers.first?.blocks {
      return GGUFTensorType(blocks) == wanted && layers.allSatisfy { $0.blocks == blocks }
        ? wanted : nil
    }
    let usual = fileType.usualType
    return (wanted == usual ? [wanted] : [wanted, usual]).first { candidate in
      guard case .blocks(.scaleBlocks(let type)) = candidate.storage else { return false }
      guard !type.isAsymmetric else {
        return layers.allSatisfy {
          $0.type == .int && $0.blocks == nil && $0.bitCount <= type.bitCount
        } && holdsNumbers(candidate)
      }
      return layers.allSatisfy { arguments in
        guard arguments.blocks == nil, let least = try? ScaleBlockType.holding(arguments) else {
          return false
        }
        return least.bitCount <= type.bitCount
      }
    }
  }

  private static func advice(_ scheme: QuantizationScheme?, _ fileType: GGUFFileType) -> String {
    let own = "\(QuantizationScheme.blockPrefix)\(fileType.name.uppercased())"
    guard let arguments = scheme?.weights, arguments.blocks == nil,
      let least = try? ScaleBlockType.holding(arguments)
    else { return "the scheme \(own) is for this format" }
    let others = [ScaleBlockType.q40, .q50, .q80].filter { $0.bitCount >= least.bitCount }
    return "the scheme \(own) is for this format; formats that hold it: "
      + others.map { "gguf:\($0.rawValue)" }.joined(separator: ", ")
  }

  private static func requireWeightsAlone(
    _ schemes: [String: QuantizationScheme], _ quantizesKeysAndValues: Bool, _ path: String
  ) throws(InputError) {
    let message = "are quantized, expected weights alone: GGUF files say nothing of activations"
    for (layer, scheme) in schemes.sorted(by: { $0.key < $1.key })
    where scheme.inputActivations != nil || scheme.outputActivations != nil {
      throw InputError(.unsupported, source: path, place: layer, "its inputs \(message)")
    }
    guard !quantizesKeysAndValues else {
      throw InputError(
        .unsupported, source: path, place: "kv_cache_scheme", "keys and values \(message)")
    }
  }

  func byteCount(ofLayer layer: String) -> Int {
    guard let (tensor, index) = places[layer], let type = types[tensor.name] else { return 0 }
    let shape = index == nil ? tensor.shape : Array(tensor.shape.dropFirst())
    return GGUFTensorInfo(name: tensor.name, type: type, shape: shape).byteCount
  }

  func keeps(_ info: TensorInfo) -> Bool {
    sourceTypes[info.name].map { $0 == GGUFTensorType(info.dtype) } ?? false
  }

  func byteCount(without names: Set<String>) -> Int {
    let others = outline.tensors.filter { names.isDisjoint(with: $0.sources) }.map(\.name)
    let kept = Set(others)
    return tensors.reduce(0) { kept.contains($1.name) ? $0 + $1.byteCount : $0 }
  }

  // MARK: Meanwhile

  func stored(
    _ weight: QuantizedWeight, of layer: String
  ) throws(InputError) -> [(place: TensorPlace, tensor: Tensor)] {
    guard let (tensor, index) = places[layer], let type = types[tensor.name] else {
      preconditionFailure("\(layer) has no place in the file")
    }
    do throws(InputError) {
      let bytes = try type.blocks(of: weight)
      let place = TensorPlace(tensor: tensor.name, index: index)
      guard tensor.rows != .asStored else { return [(place, bytes)] }
      let ordered = tensor.rows.applied(
        to: bytes.elements(as: UInt8.self), perRow: bytes.shape[1])
      return [(place, Tensor(bytes: ordered, shape: bytes.shape, dtype: .uint8))]
    } catch {
      throw error.inSource(layer)
    }
  }

  func stored(scale: Float, named name: String) -> (place: TensorPlace, tensor: Tensor) {
    preconditionFailure("\(name) is no part of a file that says nothing of activations")
  }

  func writeOthers(from source: LayeredCheckpoint, to writer: CheckpointWriter) throws {
    try writeOthers(to: writer)
  }

  /// Writes all tensors but those whose layers keep their integers.
  ///
  /// - Parameter importances: What errors weigh in what is rounded, where that is known.
  func writeOthers(to writer: CheckpointWriter, importances: GGUFImportances? = nil) throws {
    for tensor in outline.tensors where !tuned.contains(tensor.name) {
      let type = types[tensor.name] ?? .f32
      let members = tensor.members
      for (index, member) in members.enumerated() {
        let weights = try naming(tensor.name) {
          try importances?.weights(
            of: tensor.name, matrix: index, count: members.count, columns: tensor.shape.last ?? 0)
        }
        try member.forEachPiece(from: file.source) { row, piece in
          let rounded = try naming(tensor.name) { () throws(InputError) in
            do throws(InputError) {
              return try type.rounded(piece, importance: weights)
            } catch {
              throw row == 0 ? error : error.below("rows from \(row)")
            }
          }
          let rows = member.shape.dropLast().reduce(1, *)
          try writer.write(rounded.asRows, fromRow: index * rows + row, of: tensor.name)
        }
        file.model.checkpoint.releasePages()
      }
    }
  }
}

extension GGUFTensorOutline {
  /// Whether it is the weight of linear layers of a block.
  fileprivate var isLayerOfBlock: Bool {
    !isAlwaysFloat32 && !layers.isEmpty && GGUFTensorRole.block(ofTensor: name) != nil
  }
}
