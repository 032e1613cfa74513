/// Byte strings with a number each, to be found where they begin in a text.
struct ByteTrie: Sendable {
  /// The way from a node by a byte.
  private struct Edge: Hashable {
    let node: Int32
    let byte: UInt8
  }

  private var children: [Edge: Int32] = [:]
  /// The number of the string that ends at each node, or -1.
  private var numbers: [Int32] = [-1]

  /// The node that no string has led away from yet.
  static let root = 0

  /// Adds a string that is not empty; an older number of the same string is replaced.
  mutating func insert(_ string: [UInt8], number: Int) {
    var node = Self.root
    for byte in string {
      let child = child(of: node, byte) ?? numbers.count
      if child == numbers.count {
        children[Edge(node: Int32(node), byte: byte)] = Int32(child)
        numbers.append(-1)
      }
      node = child
    }
    numbers[node] = Int32(number)
  }

  /// The node that `byte` leads to, or nil if no string goes on like this.
  func child(of node: Int, _ byte: UInt8) -> Int? {
    children[Edge(node: Int32(node), byte: byte)].map(Int.init)
  }

  /// The number of the string that ends at `node`, if one does.
  func number(at node: Int) -> Int? {
    numbers[node] < 0 ? nil : Int(numbers[node])
  }
}
