package import LanguageModels
package import Quantization

extension ModelDescription {
  /// Why some layers stay as they are unless they are asked for, by their full names.
  package var exclusions: [String: Exclusion] {
    var exclusions: [String: Exclusion] = [:]
    for (name, layers) in ofBlocks(\.linearLayers) {
      for slot in layers {
        guard let exclusion = slot.exclusion else { continue }
        exclusions[StoredMatrix.fullName(slot.name, in: name)] = exclusion
      }
    }
    return exclusions
  }

  /// The modules that a recipe can name: the embedding, the linear layers of all blocks, and the head.
  package var modules: [ModuleDescription] {
    let table = [front.vocabularySize, front.width]
    let layers = ofBlocks(\.linearLayers).flatMap { name, layers in
      layers.map { ModuleDescription(name: "\(name).\($0.name)", shape: [$0.outputs, $0.inputs]) }
    }
    return [ModuleDescription(name: front.name, className: "Embedding", shape: table)] + layers
      + [ModuleDescription(name: end.head.name, shape: table)]
  }
}
