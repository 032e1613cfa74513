package import LanguageModels
package import Quantization

extension ModelDescription {
  /// The modules that a recipe can name: the embedding, the linear layers of all blocks, and the head.
  package var modules: [ModuleDescription] {
    func stem(_ tensor: String) -> String { String(tensor.dropLast(".weight".count)) }
    let table = [vocabularySize, hiddenSize]
    let layers = blocks.flatMap { placed in
      placed.block.linearLayers.map {
        ModuleDescription(name: "\(placed.name).\($0.name)", shape: [$0.outputs, $0.inputs])
      }
    }
    return [ModuleDescription(name: stem(embedding), className: "Embedding", shape: table)] + layers
      + [ModuleDescription(name: stem(head), shape: table)]
  }
}
