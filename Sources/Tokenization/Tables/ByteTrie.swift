/// Byte strings with a number each, to be found where they begin in a text.
struct ByteTrie: Sendable {
  /// The child for a node (upper bits) and a byte (lower eight).
  private var edges = IntegerTable()
  /// The children of the root, by byte; 0, the root itself, for none.
  private var first = [Int32](repeating: 0, count: 256)
  /// The number of the string that ends at each node, or -1.
  private var numbers: [Int32] = [-1]

  /// The node that no string has led away from yet.
  static let root = 0

  /// Adds a string that is not empty; an older number of the same string is replaced.
  mutating func insert(_ string: ArraySlice<UInt8>, number: Int) {
    var node = Self.root
    for byte in string {
      if let child = child(of: node, byte) {
        node = child
      } else {
        let child = numbers.count
        numbers.append(-1)
        if node == Self.root {
          first[Int(byte)] = Int32(child)
        } else {
          edges.set(UInt64(node) << 8 | UInt64(byte), UInt64(child))
        }
        node = child
      }
    }
    numbers[node] = Int32(number)
  }

  /// The node that `byte` leads to, or nil if no string goes on like this.
  func child(of node: Int, _ byte: UInt8) -> Int? {
    if node == Self.root {
      let child = Int(first[Int(byte)])
      return child == 0 ? nil : child
    }
    return edges[UInt64(node) << 8 | UInt64(byte)].map(Int.init)
  }

  /// The number of the string that ends at `node`, if one does.
  func number(at node: Int) -> Int? {
    numbers[node] < 0 ? nil : Int(numbers[node])
  }

  /// The number of exactly this string.
  func number(of string: some Sequence<UInt8>) -> Int? {
    var node = Self.root
    for byte in string {
      guard let child = child(of: node, byte) else { return nil }
      node = child
    }
    return number(at: node)
  }
}
