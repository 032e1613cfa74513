package import LanguageModels
package import Quantization

extension ModelDescription {
  /// The modules that a recipe can name: the embedding, the linear layers of all blocks, and the head.
  package var modules: [ModuleDescription] {
    let table = [front.vocabularySize, front.width]
    let layers = blocks.flatMap { placed in
      placed.block.linearLayers.map {
        ModuleDescription(name: "\(placed.name).\($0.name)", shape: [$0.outputs, $0.inputs])
      }
    }
    return [ModuleDescription(name: front.name, className: "Embedding", shape: table)] + layers
      + [ModuleDescription(name: end.head.name, shape: table)]
  }
}
