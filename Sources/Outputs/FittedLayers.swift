import Checkpoints
import Diagnostics
import Execution
import Quantization
import QuantizedCheckpoints
import Tensors
import Verification

/// The layers of a model as a format will have them: their own integers or floats where it holds these, and else, where that
/// is asked for, integers that their numbers are rounded to once more.
///
/// Embeddings, and layers beside the blocks of a file of llama.cpp, become numbers where the format does not hold them, as
/// most checkpoints have them.
struct FittedLayers {
  /// How they are stored.
  let family: any CheckpointFamily
  /// By layer; none for what becomes numbers.
  let schemes: [String: QuantizationScheme]
  /// Every tensor of the model, those of layers in the type of their scales.
  let infos: [TensorInfo]
  /// Weights of the layers.
  let weightCount: Int
  /// What the user should know.
  let remarks: [String]
  /// The model as numbers, where some are needed.
  let dense: Checkpoint?
  /// Layers that are written as numbers.
  let plain: Set<String>
  private let source: any StoredLayers
  private let rounded: Set<String>
  private let mayRoundAgain: Bool

  /// - Throws: `unsupported` for a layer that the format does not hold as it is and that is not to be rounded again.
  init(
    _ source: any StoredLayers, to format: ConversionFormat, mayRoundAgain: Bool
  ) throws(InputError) {
    var schemes = source.schemes.mapValues(format.storing)
    var (plain, rounded): (Set<String>, Set<String>) = ([], [])
    var remarks: [String] = []
    // What some layer of each kind has become, so that those that come after it fit to it.
    var chosen: [String: QuantizationScheme] = [:]
    for kind in LayerKind.kinds(of: schemes, source) {
      let first = kind.layers[0]
      let refusal: InputError
      do throws(InputError) {
        try kind.requireHeld(by: format, beside: chosen)
        chosen[first] = kind.scheme
        continue
      } catch {
        refusal = error
      }
      if kind.isPlainIfNeeded {
        plain.formUnion(kind.layers)
        for layer in kind.layers { schemes[layer] = nil }
        continue
      }
      var next: QuantizationScheme?
      for scheme in RoundedScheme.schemes(near: kind.scheme).map(format.storing) where next == nil {
        let all = chosen.merging([first: scheme]) { $1 }
        if (try? format.family(of: all)) != nil { next = scheme }
      }
      guard let next else { throw refusal }
      guard mayRoundAgain else { throw refusal.offeringToRoundAgain }
      chosen[first] = next
      for layer in kind.layers { schemes[layer] = next }
      rounded.formUnion(kind.layers)
      remarks.append(
        enumerated(kind.layers, "layer") + " rounded again: \(kind.scheme.weights?.text ?? "")"
          + (kind.traits.hasBiases ? " with minimums" : "") + " to \(next.weights?.text ?? "")")
    }
    guard !schemes.isEmpty || plain.isEmpty else {
      throw InputError(
        .unsupported, place: plain.min(),
        "and all other quantized layers would become numbers: \(format.name) holds none of them")
    }
    if !plain.isEmpty {
      remarks.append(
        enumerated(plain.sorted(), "layer")
          + " written as numbers, which \(format.name) does not hold as it is quantized")
    }
    family = try format.family(of: schemes)
    let dense = try mayRoundAgain || !plain.isEmpty ? source.dense : nil
    try dense?.requireOwnTensors { schemes[$0]?.weights != nil }
    let tensors = try source.plainTensors()
    var weightCount = tensors.weightCount
    var infos = tensors.infos
    for (index, info) in infos.enumerated() {
      guard let layer = ModuleDescription.name(ofWeight: info.name) else { continue }
      if plain.contains(layer), let number = dense?.info(info.name) {
        weightCount -= number.count
        infos[index] = number
      } else if rounded.contains(layer), let dtype = source.roundedScaleDType {
        infos[index].dtype = dtype
      }
    }
    (self.source, self.mayRoundAgain, self.dense) = (source, mayRoundAgain, dense)
    (self.schemes, self.plain, self.rounded) = (schemes, plain, rounded)
    (self.infos, self.weightCount, self.remarks) = (infos, weightCount, remarks)
  }

  /// A layer as the format holds it.
  ///
  /// - Parameter type: That of its scales.
  /// - Returns: The weight, and whether it was rounded again because of its numbers alone.
  func weight(
    of layer: String, scaleDType type: DType
  ) throws(InputError) -> (weight: QuantizedWeight, isRounded: Bool) {
    if !rounded.contains(layer) {
      let weight = try source.quantizedWeight(of: layer)
      do throws(InputError) {
        try encoding(of: layer).requireHolds(weight, name: layer)
        return (weight, false)
      } catch {
        guard mayRoundAgain else { throw error.offeringToRoundAgain }
      }
    }
    guard let dense, let arguments = schemes[layer]?.weights else {
      preconditionFailure("\(layer) is not rounded again")
    }
    let quantizer = try arguments.makeWeightQuantizer(
      for: dense.tensor("\(layer).weight"), scaleDType: type, isTuned: false)
    quantizer.searchScales(importance: nil)
    return (try quantizer.finished(), !rounded.contains(layer))
  }

  /// Whether every layer is quantized as in the source.
  var isUnchanged: Bool { rounded.isEmpty && plain.isEmpty }

  func encoding(of layer: String) throws(InputError) -> LayerEncoding {
    guard let scheme = schemes[layer] else { preconditionFailure("\(layer) is plain") }
    return try family.encoding(of: scheme)
  }
}

/// Layers that a format holds all or none of.
private struct LayerKind {
  let scheme: QuantizationScheme
  let traits: LayerTraits
  let isEmbedding: Bool
  /// In the order of their names.
  var layers: [String]

  /// Whether they become numbers in a format that does not hold them.
  var isPlainIfNeeded: Bool { isEmbedding || traits.isBesideBlocks }

  /// The kinds, that of most layers first.
  static func kinds(
    of schemes: [String: QuantizationScheme], _ source: some StoredLayers
  ) -> [LayerKind] {
    var kinds: [LayerKind] = []
    for (layer, scheme) in schemes.sorted(by: { $0.key < $1.key }) {
      let new = LayerKind(
        scheme: scheme, traits: source.traits(of: layer),
        isEmbedding: VerificationReport.isTable(layer), layers: [layer])
      let index = kinds.firstIndex {
        $0.scheme == new.scheme && $0.traits == new.traits && $0.isEmbedding == new.isEmbedding
      }
      if let index { kinds[index].layers.append(layer) } else { kinds.append(new) }
    }
    return kinds.sorted { ($1.layers.count, $0.layers[0]) < ($0.layers.count, $1.layers[0]) }
  }

  /// - Parameter chosen: Layers of other kinds that are held.
  /// - Throws: `unsupported`, with one of the layers as the place.
  func requireHeld(
    by format: ConversionFormat, beside chosen: [String: QuantizationScheme]
  ) throws(InputError) {
    let family = try format.family(of: chosen.merging([layers[0]: scheme]) { $1 })
    func refuse(_ message: String) -> InputError {
      InputError(.unsupported, place: layers[0], message)
    }
    guard !isEmbedding || family.holdsEmbeddings else {
      throw refuse("is an embedding that is quantized, expected one in full precision")
    }
    if traits.hasBiases {
      guard try family.encoding(of: scheme).holdsBiases else {
        throw refuse(
          "has groups with minimums that are no multiples of their scales, expected zero points: \(format.name) holds no others"
        )
      }
    }
    guard traits.isWhole else {
      throw refuse("has columns in another order, in which groups do not stay together")
    }
  }
}

/// What layers can be rounded to that a format does not hold as they are.
private enum RoundedScheme {
  /// Integers of as many bits, or of more, or else of fewer; with zero points where there were some; in groups as large, but of no
  /// fewer than all formats have.
  static func schemes(near scheme: QuantizationScheme) -> [QuantizationScheme] {
    guard let own = scheme.weights, own.bitCount <= 8 else { return [] }
    let sizes = [128, 64, 32]
    let size = own.groupSize.map { max($0, 32) }
    let groups =
      (size.map { [$0] } ?? []) + sizes.filter { $0 < size ?? .max }
      + sizes.reversed().filter { $0 > size ?? .max }
    let bitCounts = Array(own.bitCount...8) + (2..<max(own.bitCount, 2)).reversed()
    var found: [QuantizationScheme] = []
    for bitCount in bitCounts {
      for isSymmetric in [own.isSymmetric, !own.isSymmetric] {
        for group in groups {
          var next = scheme
          next.weights = QuantizationArguments(
            bitCount: bitCount, isSymmetric: isSymmetric, strategy: .group, groupSize: group)
          found.append(next)
        }
      }
    }
    return found
  }
}

extension InputError {
  fileprivate var offeringToRoundAgain: InputError {
    InputError(
      code, source: source, place: place, "\(message); \(OptionName.requantize) rounds it again")
  }
}
