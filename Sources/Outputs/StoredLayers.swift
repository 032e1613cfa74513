import Checkpoints
import Diagnostics
import Execution
import Foundation
import GGUF
import GGUFModels
import LanguageModels
import Quantization
import QuantizedCheckpoints
import Tensors

/// A model whose layers have integers or small floats with scales, which other formats may hold as they are.
protocol StoredLayers {
  /// How each of these layers is quantized.
  var schemes: [String: QuantizationScheme] { get }
  /// How keys and values are quantized; nil for not at all.
  var keyValueScheme: QuantizationArguments? { get }
  /// The same model as numbers, with a weight for each layer.
  var dense: Checkpoint { get throws(InputError) }
  /// The type of scales of layers that are rounded once more, where it is not that of their own.
  var roundedScaleDType: DType? { get }

  /// What is known of the numbers of a layer without reading them.
  func traits(of layer: String) -> LayerTraits

  /// A layer as it is stored.
  func quantizedWeight(of layer: String) throws(InputError) -> QuantizedWeight

  /// All tensors of the model, the weights of these layers in the type of their scales, and how many weights these are.
  func plainTensors() throws(InputError) -> (infos: [TensorInfo], weightCount: Int)
}

/// What formats may ask of a layer besides its scheme.
struct LayerTraits: Equatable {
  /// Whether groups have biases that are no multiples of their scales.
  var hasBiases = false
  /// Whether the layer can be taken out of where it is as it is.
  var isWhole = true
  /// Whether the layer is beside the blocks, where formats mostly leave numbers as they are.
  var isBesideBlocks = false
}

extension DequantizedCheckpoint: StoredLayers {
  var roundedScaleDType: DType? { nil }

  func traits(of layer: String) -> LayerTraits { LayerTraits() }

  func plainTensors() throws(InputError) -> (infos: [TensorInfo], weightCount: Int) {
    let plain = try plainTensors(isDense: false)
    return (plain.tensors.map(\.info), plain.weightCount)
  }
}

/// The matrices of a file of llama.cpp that are stored in blocks.
struct FileLayers: StoredLayers {
  let schemes: [String: QuantizationScheme]
  let dense: Checkpoint
  private let tensors: GGUFTensors
  private let areBlocks: Bool

  /// - Parameter asBlocks: Whether they are taken as what other files of llama.cpp have, rather than as integers with scales.
  init(of checkpoint: Checkpoint, _ tensors: GGUFTensors, asBlocks: Bool) {
    (dense, self.tensors, areBlocks) = (checkpoint, tensors, asBlocks)
    var schemes: [String: QuantizationScheme] = [:]
    for name in tensors.names {
      guard let layer = ModuleDescription.name(ofWeight: name),
        let type = tensors.blocks(of: name)?.type
      else { continue }
      schemes[layer] = QuantizationScheme(
        targets: ["Linear"], weights: type.integers(asBlocks: asBlocks))
    }
    self.schemes = schemes
  }

  /// The same.
  ///
  /// - Throws: `unsupported` for a file that has none.
  var notEmpty: FileLayers {
    get throws(InputError) {
      guard schemes.isEmpty else { return self }
      throw InputError(
        .unsupported, source: dense.folder.path(percentEncoded: false),
        "is in full precision, expected a quantized model; quantize makes one of it")
    }
  }

  var keyValueScheme: QuantizationArguments? { nil }
  var roundedScaleDType: DType? { .float16 }

  func traits(of layer: String) -> LayerTraits {
    guard let blocks = tensors.blocks(of: "\(layer).weight") else { return LayerTraits() }
    return LayerTraits(
      hasBiases: schemes[layer]?.weights?.isSymmetric == false, isWhole: blocks.areWhole,
      isBesideBlocks: GGUFTensorRole.block(ofTensor: blocks.tensor) == nil)
  }

  func quantizedWeight(of layer: String) throws(InputError) -> QuantizedWeight {
    let name = "\(layer).weight"
    guard let blocks = tensors.blocks(of: name) else { preconditionFailure("\(name) is no layer") }
    return blocks.type.weight(
      ofBlocks: try tensors.storedBlocks(of: name), asBlocks: areBlocks)
  }

  func plainTensors() -> (infos: [TensorInfo], weightCount: Int) {
    var (infos, weightCount): ([TensorInfo], Int) = ([], 0)
    for var info in tensors.names.compactMap(tensors.info) {
      if let layer = ModuleDescription.name(ofWeight: info.name), schemes[layer] != nil,
        let type = tensors.blocks(of: info.name)?.type
      {
        info.dtype = type.scaleDType
        weightCount += info.count
      }
      infos.append(info)
    }
    return (infos, weightCount)
  }
}
